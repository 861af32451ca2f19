"""``reviewer train rewriter`` from outside, on a tiny language model."""

import importlib.util
from pathlib import Path

import pytest

from reviewer.cli.main import run
from reviewer.engine.llama import LlamaConfig, LlamaEngine
from reviewer.errors import StorageError
from reviewer.evaluation.examples import Example
from reviewer.files import locked
from reviewer.models.adapter import read_adapter_card, verified_adapter
from reviewer.models.card import CARD
from reviewer.models.hashing import file_sha256
from reviewer.prompting import load_rewriter_prompts
from reviewer.resources import resource_dir
from reviewer.training.folder import CHECKPOINT
from reviewer.training.rewriter import loop
from reviewer.training.rewriter.activations import DONE, STATES
from tests.engine.tiny import write_model
from tests.training.tiny import make_example


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        run(["train", "rewriter", *arguments])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def write(path: Path, *examples: Example) -> str:
    path.write_text("".join(each.model_dump_json() + "\n" for each in examples), encoding="utf-8")
    return str(path)


def broken(name: str, word: str) -> Example:
    labels = {"rule": "A02", "quote": "不清楚"}
    return make_example(name, f"不清楚，{word}。", labels, rewrite=f"我为您核实{word}。")


@pytest.fixture
def options(model: Path, tmp_path: Path) -> list[str]:
    data = write(
        tmp_path / "mine.jsonl",
        *(broken(f"b{number}", "甲乙丙丁戊己庚辛壬癸"[number]) for number in range(10)),
        make_example("p", "好的，马上为您查。"),
    )
    dev = write(tmp_path / "dev.jsonl", broken("d", "子丑"))
    given = {"data": data, "dev": dev, "model": str(model), "home": str(tmp_path / "home")}
    numbers = {"layers": "1", "rank": "2", "epochs": "1", "threads": "1"}
    return [word for name, value in {**given, **numbers}.items() for word in (f"--{name}", value)]


def test_train_measure_and_use(
    options: list[str], model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "one"
    code, said, err = call("--out", str(out), *options, capsys=capsys)
    assert code == 0, err
    assert "每词元损失" in said
    assert "--dev 的 1 条" in err
    card = read_adapter_card(out)
    assert card.base == file_sha256(model)
    assert card.figures.keys() == {"loss", "token_accuracy"}
    assert card.recipe["n_samples"] == 11
    assert not any((out / name).exists() for name in (CHECKPOINT, STATES, DONE))
    prompts = load_rewriter_prompts(resource_dir("prompts")).content_hash
    path = verified_adapter(out, card, tmp_path, base=card.base, prompts=prompts)
    with LlamaEngine(LlamaConfig(model, "m", path, "a", n_ctx=1024, n_threads=1)) as engine:
        engine.count_tokens("好")
    written = (out / CARD).stat().st_mtime_ns
    code, _, err = call("--out", str(out), *options, capsys=capsys)
    assert code == 0, err
    assert (out / CARD).stat().st_mtime_ns == written, "a finished training is not begun again"


def test_a_killed_training_gives_the_same_files(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("--out", str(tmp_path / "whole"), *options, capsys=capsys)[0] == 0
    with monkeypatch.context() as patched:
        patched.setattr(loop, "loss_of", lambda *_given: 1 / 0)
        assert call("--out", str(tmp_path / "killed"), *options, capsys=capsys)[0] == 2
    assert (tmp_path / "killed" / STATES).exists()
    assert call("--out", str(tmp_path / "killed"), *options, capsys=capsys)[0] == 0
    first, second = (read_adapter_card(tmp_path / name) for name in ("whole", "killed"))
    assert first.adapter == second.adapter
    assert first.figures == second.figures


def test_every_fault_is_one_clear_line(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault(*arguments: str) -> str:
        code, said, err = call(*arguments, capsys=capsys)
        assert (code, said) == (2, "")
        (line,) = [line for line in err.splitlines() if line.startswith("错误：")]
        return line

    out = str(tmp_path / "one")
    assert "--layers" in fault("--out", out, *options, "--layers", "2")
    assert call("--out", out, *options, capsys=capsys)[0] == 0, "a refused training claims no folder"
    assert "超参数或种子" in fault("--out", out, *options, "--seed", "1")
    other = str(write_model(tmp_path / "other.gguf", seed=5))
    assert "模型（model）" in fault("--out", out, *options, "--model", other)
    passed = write(tmp_path / "pass.jsonl", make_example("p", "好的。"))
    assert "没有可用的改写" in fault("--out", str(tmp_path / "two"), *options[2:], "--data", passed)
    same = write(tmp_path / "same.jsonl", broken("b9", "癸"))
    assert "没有意义" in fault("--out", str(tmp_path / "three"), *options, "--dev", same)


def test_two_trainings_in_one_folder_are_refused(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "one"
    with locked(out, "训练"):
        code, _, err = call("--out", str(out), *options, capsys=capsys)
    assert code == StorageError.exit_code
    assert "另一个训练" in err


def test_a_missing_package_is_named(
    options: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "gguf" else find(name, *more)
    )
    code, _, err = call("--out", str(tmp_path / "one"), *options, capsys=capsys)
    assert code == 2
    assert "gguf" in err


def test_the_engine_refuses_the_adapter_of_another_shape(model: Path, tmp_path: Path) -> None:
    from reviewer.errors import ModelCorruptError
    from reviewer.training.rewriter.export import write_adapter
    from tests.training.rewriter.tiny import RECIPE, upper_half

    upper = upper_half(model)
    for name in list(upper.adapted):
        upper.adapted[name.replace("blk.1", "blk.7")] = upper.adapted.pop(name)
    write_adapter(upper, RECIPE, "base", tmp_path / "a.gguf")
    with pytest.raises(ModelCorruptError, match="不是这个模型的 LoRA"):
        LlamaEngine(LlamaConfig(model, "m", tmp_path / "a.gguf", "a", n_ctx=1024, n_threads=1))
