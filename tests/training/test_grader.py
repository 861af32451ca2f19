"""``reviewer train grader`` from outside, on a tiny encoder."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from reviewer.classifier.files import read_card
from reviewer.cli.main import run
from reviewer.errors import InputError, StorageError
from reviewer.evaluation.examples import Example
from reviewer.files import locked
from reviewer.manual.catalogue import Catalogue
from reviewer.training.folder import CHECKPOINT, PARTS, claim
from reviewer.training.samples import training_set
from tests.training.tiny import Letters, eight_examples, make_example, tiny_catalogue, tiny_encoder


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        run(["train", "grader", *arguments])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def write(path: Path, *examples: Example) -> str:
    path.write_text("".join(each.model_dump_json() + "\n" for each in examples), encoding="utf-8")
    return str(path)


@pytest.fixture
def data(catalogue: Catalogue, tmp_path: Path) -> str:
    return write(tmp_path / "mine.jsonl", *eight_examples(tiny_catalogue(catalogue)))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the tiny encoder in the place of the registry's, and leave out the 92 samples of the manual."""
    from reviewer.training import grader

    monkeypatch.setattr(grader, "fetch_model", lambda _entry, home, **_how: home)
    monkeypatch.setattr(grader, "load_encoder", lambda _folder: tiny_encoder())
    monkeypatch.setattr(grader, "UnigramTokenizer", lambda _folder: Letters())
    monkeypatch.setattr(grader, "training_set", lambda *given: replace(training_set(*given), manual=()))


@pytest.mark.usefixtures("tiny")
def test_train_measure_and_go_on(
    data: str, catalogue: Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = tiny_catalogue(catalogue).rules[0].id
    dev = [
        make_example("d1", "好的甲甲甲。", {"rule": rule, "quote": "甲甲甲"}),
        make_example("d2", "好的。"),
    ]
    held_out, out = write(tmp_path / "dev.jsonl", *dev), tmp_path / "one"
    options = ["--data", data, "--dev", held_out, "--epochs", "1", "--threads", "1", "--seed", "4"]
    code, said, err = call("--out", str(out), *options, capsys=capsys)
    assert code == 0
    assert "第 1/1 轮" in err
    assert str(out) in said
    assert "规则 F1" in said
    card = read_card(out)
    assert (card.recipe["epochs"], card.recipe["seed"], card.recipe["delta_keep"]) == (1, 4, 0.85)
    assert card.figures.keys() == {"rule_f1", "flag_recall", "flag_specificity", "pointing"}
    assert not (out / CHECKPOINT).exists()

    made = (out / "head.npz").stat().st_mtime_ns
    assert call("--out", str(out), *options, capsys=capsys)[0] == 0
    assert (out / "head.npz").stat().st_mtime_ns == made

    code, _, err = call("--out", str(out), *options, "--epochs", "2", capsys=capsys)
    assert code == 2
    assert "超参数" in err

    more = tmp_path / "two"
    mine = write(
        tmp_path / "mine.jsonl", make_example("m1", "行，甲甲甲。", {"rule": rule, "quote": "甲甲甲"})
    )
    options = ["--data", mine, *options[2:]]
    assert call("--out", str(more), *options, "--from", str(out), capsys=capsys)[0] == 0
    second = read_card(more)
    assert second.data.split("；")[0] == card.data
    assert "mine.jsonl（1 条" in second.data.split("；")[1]
    assert second.recipe["start"] == f"{card.layers[:12]}-{card.head[:12]}"
    assert second.recipe["delta_keep"] == 1


def fault(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    code, out, err = call(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "内部错误" not in err
    return err


def test_a_user_fault_is_one_line(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "out")]
    bad = write(tmp_path / "bad.jsonl", make_example("x", "您好。", {"rule": "Z99"}))
    torn = tmp_path / "torn.jsonl"
    torn.write_text("{", encoding="utf-8")
    empty = write(tmp_path / "empty.jsonl")
    assert "读不了数据文件" in fault([*out, "--data", "no-such.jsonl"], capsys)
    assert "没有规则 Z99" in fault([*out, "--data", bad], capsys)
    assert "torn.jsonl:1" in fault([*out, "--data", str(torn)], capsys)
    assert "没有样本" in fault([*out, "--data", empty], capsys)
    assert "编号必须唯一" in fault([*out, "--data", data, "--data", data], capsys)
    assert "也在训练数据里" in fault([*out, "--data", data, "--dev", data], capsys)
    assert "没有分类器" in fault([*out, "--data", data, "--from", str(tmp_path)], capsys)
    assert "用法错误" in fault(["--data", data], capsys)
    assert "用法错误" in fault([*out, "--data", data, "--epochs", "0"], capsys)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_free_is_one_line(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    claim(tmp_path / "other", dict.fromkeys(PARTS, "another"))
    err = fault(["--out", str(tmp_path / "other"), "--data", data], capsys)
    assert "另一次训练（超参数或种子、训练数据、编码器" in err
    (tmp_path / "file").touch()
    fault(["--out", str(tmp_path / "file"), "--data", data], capsys)
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "card.json").touch()
    assert "已经有训练好的模型" in fault(["--out", str(tmp_path / "made"), "--data", data], capsys)


def test_a_missing_package_is_one_line(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else real(name))
    assert "缺少训练用的包 torch" in fault(["--out", str(tmp_path / "out"), "--data", data], capsys)


def test_what_differs_is_named(tmp_path: Path) -> None:
    identity = dict.fromkeys(PARTS, "same")
    claim(tmp_path, identity)
    claim(tmp_path, identity)
    with pytest.raises(InputError, match="（训练数据不同）"):
        claim(tmp_path, {**identity, "data": "other"})


def test_two_trainings_cannot_share_a_folder(tmp_path: Path) -> None:
    with locked(tmp_path, "训练"), pytest.raises(StorageError, match="另一个训练"), locked(tmp_path, "训练"):
        pass
    with locked(tmp_path, "训练"):
        pass
