"""``reviewer eval`` from outside: what it writes, its exit codes, one-line errors, nothing heavy for help."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reviewer.cli.main import run
from reviewer.evaluation.records import read_run


def row(
    example_id: str, draft: str, *, rule: str = "", quote: str = "", verdict: str = "revise"
) -> dict[str, object]:
    labels = [{"rule": rule, "quote": quote}] if rule else []
    return {"id": example_id, "draft": draft, "verdict": verdict, "violations": labels}


ROWS = (
    row("red", "你有病吧。", rule="A05", quote="你有病吧", verdict="block"),
    row("shift", "这事不归我管。", rule="A02", quote="不归我管"),
    row("missed", "您自己去查一下吧。", rule="B05", quote="您自己去查一下吧"),
    row("good", "好的，请您稍等，我这就为您查询。", verdict="pass"),
)


def call(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        run(["eval", *map(str, arguments)])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def refused(*arguments: object, capsys: pytest.CaptureFixture[str]) -> str:
    """Call what must end with exit 2 and one line on standard error; return the line."""
    code, out, err = call(*arguments, capsys=capsys)
    assert code == 2, err
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    assert "内部错误" not in err
    return err


def written(path: Path, *rows: object) -> Path:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return written(tmp_path / "mine.jsonl", *ROWS)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom reviewer.cli.main import run\n"
        "try:\n    run(['eval', '--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'llama_cpp', 'faiss', 'sklearn', 'scipy', 'statsmodels', 'matplotlib', 'numpy'}\n"
        "heavy.add('reviewer.evaluation')\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("run", "report", "compare", "validate", "table", "import", "agreement"):
        assert command in done.stdout


def test_run_report_and_compare(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks, majority = tmp_path / "checks", tmp_path / "majority"
    code, out, _ = call("run", "--data", data, "--system", "checks", "--out", checks, capsys=capsys)
    assert code == 0
    assert out.startswith(f"checks，mine，4 条；记录在 {checks}\n")
    # Two of three violating drafts are flagged; the one good draft is let through.
    assert "违规检出率（召回）：0.667" in out
    found = read_run(checks)
    assert [record.example.id for record in found.records] == ["red", "shift", "missed", "good"]
    assert [record.outcome.verdict for record in found.records] == ["block", "revise", "pass", "pass"]

    code, out, _ = call("report", checks, capsys=capsys)
    assert code == 0
    assert out == f"报告：{checks / 'report.html'}\n"
    page = (checks / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
    metrics = json.loads((checks / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["system"], metrics["n_records"]) == ("checks", 4)

    assert call("run", "--data", data, "--system", "majority", "--out", majority, capsys=capsys)[0] == 0
    code, out, _ = call("compare", checks, majority, "--out", tmp_path / "both", capsys=capsys)
    assert code == 0
    assert "red" in out
    assert "shift" in out
    assert (tmp_path / "both" / "compare.html").is_file()
    assert (tmp_path / "both" / "compare.json").is_file()


def test_without_out_an_equal_run_is_found_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = call("run", "--data", data, "--system", "checks", capsys=capsys)
    (folder,) = (tmp_path / "eval" / "runs").iterdir()
    before = (folder / "records.jsonl").read_bytes()
    assert call("run", "--data", data, "--system", "checks", capsys=capsys) == first
    assert (folder / "records.jsonl").read_bytes() == before
    call("run", "--data", data, "--system", "checks", "--limit", 2, capsys=capsys)
    assert len(list((tmp_path / "eval" / "runs").iterdir())) == 2


def test_numbers_of_the_settings_make_another_run(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    assert call("run", "--data", data, "--system", "checks", "--out", out, capsys=capsys)[0] == 0
    monkeypatch.setenv("REVIEWER_PUBLIC_NUMBERS", "95588")
    line = refused("run", "--data", data, "--system", "checks", "--out", out, capsys=capsys)
    assert "系统、版本或选项不同" in line


def test_a_folder_of_another_run_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert call("run", "--data", data, "--system", "checks", "--out", out, capsys=capsys)[0] == 0
    assert "系统、版本或选项不同" in refused(
        "run", "--data", data, "--system", "majority", "--out", out, capsys=capsys
    )
    line = refused("run", "--data", data, "--limit", 1, "--system", "checks", "--out", out, capsys=capsys)
    assert "数据不同" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--system", "checks"],
        ["run", "--system", "checks", "--set", "dev", "--data", "mine.jsonl"],
        ["run", "--system", "checks", "--set", "production"],
        ["run", "--system", "checks", "--data", "none.jsonl"],
        ["run", "--system", "gpt", "--data", "mine.jsonl"],
        ["run", "--system", "checks", "--data", "mine.jsonl", "--data", "mine.jsonl"],
        ["run", "--system", "checks", "--data", "mine.jsonl", "--floors", "none.json"],
        ["run", "--system", "checks", "--data", "mine.jsonl", "--record-floors"],
        ["run", "--system", "checks", "--data", "mine.jsonl", "--limit", "-1"],
        ["report", "none"],
        ["compare", "none", "none"],
        ["import", "none.csv", "--mapping", "none.yaml", "--out", "out.jsonl"],
        ["agreement", "mine.jsonl", "none.jsonl"],
        ["table", "--into", "none.md", "--set", "production"],
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(*arguments, capsys=capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.jsonl"]


def test_floors_are_recorded_and_a_drop_names_what_flipped(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    floors = tmp_path / "floors.json"
    base = ("run", "--data", data, "--floors", floors)
    code, out, _ = call(*base, "--system", "checks", "--out", "a", "--record-floors", capsys=capsys)
    assert code == 0
    assert f"已把下限写入 {floors}" in out
    recorded = json.loads(floors.read_text(encoding="utf-8"))
    assert recorded["cases"] == {"good": "right", "missed": "wrong", "red": "right", "shift": "right"}
    # Recall 2 of 3, less the margin of 0.05.
    assert recorded["measures"]["flag_recall"] == pytest.approx(2 / 3 - 0.05, abs=1e-6)

    code, out, _ = call(*base, "--system", "checks", "--out", "a", capsys=capsys)
    assert code == 0
    assert "通过：没有低于下限的指标。" in out

    code, out, err = call(*base, "--system", "majority", "--out", "b", capsys=capsys)
    assert (code, err) == (1, "")
    assert "未通过。" in out
    flipped = out.split("未通过。")[1]
    assert "red：" in flipped
    assert "shift：" in flipped
    assert "missed：" not in flipped
    assert "good：" not in flipped
    assert json.loads(floors.read_text(encoding="utf-8")) == recorded


def test_the_reviewer_on_smoke_is_held_to_the_floors_of_the_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "eval" / "data"
    (folder / "train").mkdir(parents=True)
    (folder / "dev").mkdir()
    written(folder / "dev" / "author-1.jsonl", *ROWS)
    (folder / "smoke.json").write_text('["good", "red"]', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    # They are missing, which shows before any model is opened.
    assert "floors.json" in refused("run", "--set", "smoke", capsys=capsys)
    code, out, _ = call("run", "--set", "smoke", "--system", "checks", capsys=capsys)
    assert code == 0
    assert out.startswith("checks，smoke，2 条")


def test_validate_lists_faults_and_says_so_by_its_exit_code(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call("validate", data, capsys=capsys)
    assert (code, out.splitlines()[-1]) == (0, "1 个文件，0 处错误。")
    bad = written(tmp_path / "bad.jsonl", {**ROWS[1], "id": "b1", "draft": "好的。"}, {"id": "b2"})
    code, out, _ = call("validate", data, bad, capsys=capsys)
    assert code == 1
    assert out.splitlines()[-1] == "2 个文件，2 处错误。"
    assert "bad.jsonl:1 b1：A02 的引文“不归我管”与草稿不是逐字一致" in out
    assert "bad.jsonl:2 的 draft 不可用" in out


def test_import_makes_a_file_that_can_be_run(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, mapping, out = tmp_path / "theirs.csv", tmp_path / "map.yaml", tmp_path / "ours.jsonl"
    table.write_text("回复,问题\n这事不归我管。,推诿\n好的。,正常\n", encoding="utf-8")
    mapping.write_text(
        "columns: {draft: 回复, labels: 问题}\nlabels: {推诿: [A02], 正常: []}\ndefaults: {stage: middle}\n",
        encoding="utf-8",
    )
    code, said, _ = call("import", table, "--mapping", mapping, "--out", out, capsys=capsys)
    assert (code, said) == (0, f"已写出 2 条：{out}\n")
    assert call("validate", out, capsys=capsys)[0] == 0
    code, said, _ = call("run", "--data", out, "--system", "checks", "--out", "theirs", capsys=capsys)
    assert code == 0
    assert said.startswith("checks，ours，2 条")


def test_agreement_gives_kappa_by_rule(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passed = row("missed", "您自己去查一下吧。", verdict="pass")
    other = written(tmp_path / "other.jsonl", *ROWS[:2], passed, ROWS[3])
    code, out, _ = call("agreement", data, other, capsys=capsys)
    assert code == 0
    # Flags 1110 and 1100: 3 of 4 agree, 3/4*2/4 + 1/4*2/4 = 1/2 by chance, (0.75 - 0.5) / 0.5 = 0.5.
    assert "kappa 0.500" in out
    assert "| A02 | 1 | 1 | 1 |" in out
    assert "| B05 | 1 | 0 | 0 |" in out


def test_table_puts_the_systems_into_a_document(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "eval" / "data"
    (folder / "train").mkdir(parents=True)
    (folder / "dev").mkdir()
    written(folder / "dev" / "author-1.jsonl", *ROWS)
    written(folder / "train" / "author-2.jsonl", *({**each, "id": f"t-{each['id']}"} for each in ROWS))
    document = tmp_path / "page.md"
    document.write_text("<!-- reviewer:baselines -->\n<!-- /reviewer:baselines -->\n", encoding="utf-8")
    arguments = ("table", "--into", document, "--system", "majority", "--system", "checks")
    assert call(*arguments, capsys=capsys)[:2] == (0, f"{document} 已更新。\n")
    assert call(*arguments, capsys=capsys)[:2] == (0, f"{document} 没有变化。\n")
    text = document.read_text(encoding="utf-8")
    assert text.index("| majority | 4 |") < text.index("| checks | 4 |")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--data", "mine.jsonl", "--system", "checks", "--out", "run"],
        ["report", "run"],
        ["compare", "run", "run"],
        ["agreement", "mine.jsonl", "mine.jsonl"],
        ["table", "--into", "page.md"],
    ],
)
def test_without_the_extra_it_says_how_to_install_before_any_work(
    arguments: list[str],
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    line = refused(*arguments, capsys=capsys)
    assert "缺少评测用的包 statsmodels；" in line
    assert "pip install '.[eval]'" in line
    assert [path.name for path in tmp_path.iterdir()] == ["mine.jsonl"]


def test_validating_and_importing_need_no_extra(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sklearn", "statsmodels", "matplotlib"):
        monkeypatch.setitem(sys.modules, name, None)
    assert call("validate", data, capsys=capsys)[0] == 0
