"""``reviewer manual`` and manuals by name, from outside."""

import importlib.util
import shutil
from pathlib import Path

import pytest
import yaml

from reviewer.manual.catalogue import Catalogue
from reviewer.manual.imported import load_imported
from reviewer.settings import load_settings
from tests.cli.test_main import call
from tests.ingestion.documents import TEXT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "守则.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_import_says_what_it_found_and_what_to_do(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules"
    code, out, err = call("manual", "import", str(file), "-o", str(rules), capsys=capsys)
    assert code == 0, err
    assert "1 份文件，4 条规则：可检查 3、仪容举止 1" in out
    assert f"reviewer index build --manual {rules}" in out
    code, out, _ = call("manual", "import", str(file), "-o", str(rules), capsys=capsys)
    assert (code, "没有变化" in out) == (0, True)


def test_import_says_how_many_rules_are_like_shipped_ones(
    tmp_path: Path, catalogue: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    file, rules = tmp_path / "守则.txt", tmp_path / "rules"
    familiar = catalogue.rule("A05").text
    file.write_text(f"守则\n一、用语\n1、{familiar}\n2、客人离店时，应当递上雨伞。\n", encoding="utf-8")
    code, out, err = call("manual", "import", str(file), "-o", str(rules), capsys=capsys)
    assert code == 0, err
    assert "可检查的规则里 1 条像随附手册的规则" in out
    (same,) = [rule for rule in load_imported(rules).entries if rule.same_as]
    assert (same.same_as, same.text) == ("A05", familiar)
    assert "same_as" in same.guessed
    edited = Path(shutil.copytree(rules, tmp_path / "edited"))
    path = edited / "catalogue.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("same_as: A05", "same_as: A03"), encoding="utf-8"
    )
    _, out, _ = call("manual", "diff", str(rules), str(edited), capsys=capsys)
    assert "  same_as：A05 → A03\n" in out


def test_a_changed_file_is_proposed_and_diff_tells_how(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules, proposed = tmp_path / "rules", tmp_path / "rules.proposed"
    call("manual", "import", str(file), "-o", str(rules), capsys=capsys)
    assert call("manual", "diff", str(rules), str(rules), capsys=capsys)[:2] == (0, "没有差别。\n")
    file.write_text(TEXT.replace("问清购买日期", "问清购买日期和原因"), encoding="utf-8")
    _, out, _ = call("manual", "import", str(file), "-o", str(rules), capsys=capsys)
    assert f"新规则写在 {proposed}" in out
    code, out, _ = call("manual", "diff", str(rules), str(proposed), capsys=capsys)
    assert code == 1
    assert out.startswith("改写 R")
    assert "  要求：客人要求退货时，必须先问清购买日期 → 客人要求退货时，必须先问清购买日期和原因\n" in out
    assert out.endswith("改写 1、改设 1\n")


def test_a_fault_is_one_line_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    code, out, err = call(
        "manual", "import", str(tmp_path / "a.txt"), "-o", str(tmp_path / "r"), capsys=capsys
    )
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == f"错误：{tmp_path / 'a.txt'}：文件是空的。"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt"]


def test_a_missing_package_is_said(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    code, _, err = call("manual", "import", str(file), capsys=capsys)
    assert code == 2
    assert "python-docx" in err
    assert "reviewer[import]" in err


def test_a_manual_is_chosen_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reviewer.toml").write_text('[manuals]\nshop = "rules/shop"\n', encoding="utf-8")
    loaded = load_settings({"corpus": Path("shop")}, cwd=tmp_path)
    assert loaded.settings.corpus == tmp_path / "rules" / "shop"
    assert load_settings({"corpus": Path("other")}, cwd=tmp_path).settings.corpus == tmp_path / "other"
    assert load_settings({"corpus": "none"}, cwd=tmp_path).settings.corpus is None
    monkeypatch.setenv("REVIEWER_MANUALS", "desk=/m/desk, shop=rules/two")
    monkeypatch.setenv("REVIEWER_CORPUS", "desk")
    assert load_settings({}, cwd=tmp_path).settings.corpus == Path("/m/desk")


def test_manual_and_corpus_are_one_option(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--manual", "--corpus"):
        code, out, _ = call("check", option, "/m/desk", "--print-config", capsys=capsys)
        assert code == 0
        assert 'corpus = "/m/desk"  # 命令行' in out
        assert "manuals = {}" in out


def test_what_is_written_is_plain_yaml(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call("manual", "import", str(file), "-o", str(tmp_path / "rules"), capsys=capsys)
    data = yaml.safe_load((tmp_path / "rules" / "catalogue.yaml").read_text(encoding="utf-8"))
    assert data["schema"] == "reviewer.imported/1"
    assert {rule["class"] for rule in data["rules"]} == {"checkable", "conduct"}
