"""``reviewer train retriever`` from labelled files to an index that is searched, on a tiny encoder."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reviewer.cli.main import run
from reviewer.encoders import encoder_identity, query_encoder
from reviewer.errors import IndexMismatchError, ModelCorruptError
from reviewer.evaluation.examples import Example
from reviewer.index.encoder import Prompts
from reviewer.indexing import open_retriever
from reviewer.manual.catalogue import Catalogue
from reviewer.models.card import CARD
from reviewer.models.encoder import ensure_encoder
from reviewer.models.registry import ModelEntry
from reviewer.models.resolve import resolve_model
from reviewer.models.retriever import RETRIEVER, read_retriever
from reviewer.models.tuned import LAYERS, assemble_tuned
from reviewer.models.unigram import UnigramTokenizer
from reviewer.progress import Progress
from reviewer.retrieval import LlamaEncoder
from reviewer.settings import Settings
from reviewer.training.contrast import Tower
from reviewer.training.data import Labelled, read_labelled
from reviewer.training.export import export_layers
from reviewer.training.folder import CHECKPOINT
from reviewer.training.network import load_encoder
from reviewer.training.recipe import RetrieverRecipe
from reviewer.training.retriever import RANKINGS, RetrieverTask, train_retriever
from tests.models.tiny_registry import use_tiny_registry
from tests.training.tiny import make_example


class KilledError(Exception):
    """What a kill looks like from inside."""


@pytest.fixture
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """Return the tiny encoder, which stands in the place of the real one."""
    return use_tiny_registry(tmp_path / "site", monkeypatch)


@pytest.fixture
def small(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Return six rules of the manual, which stand in the place of all of it."""
    few = tuple(catalogue.rule(name) for name in ("A01", "A02", "A05", "B05", "D01", "D02"))
    reduced = replace(catalogue, rules=few, sections=())
    for place in ("reviewer.manual.catalogue", "reviewer.indexing"):
        monkeypatch.setattr(f"{place}.load_catalogue", lambda _folder: reduced)
    return reduced


def write(path: Path, *examples: Example) -> Path:
    path.write_text("".join(each.model_dump_json() + "\n" for each in examples), encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    broken = [("退款123元", "A01"), ("您好abc", "A02"), ("请您12", "A05"), ("款好", "D02")]
    return write(
        tmp_path / "mine.jsonl",
        *(make_example(f"b{n}", draft, {"rule": rule}) for n, (draft, rule) in enumerate(broken)),
        make_example("good", "您好。"),
    )


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    return write(
        tmp_path / "dev.jsonl",
        make_example("d1", "退款abc", {"rule": "D02"}),
        make_example("d2", "退款12", {"rule": "B05"}),
    )


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        run(["train", "retriever", *arguments])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def fault(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    code, out, err = call(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "内部错误" not in err
    return err


def test_train_export_load_and_query(
    entry: ModelEntry,
    data: Path,
    dev: Path,
    small: Catalogue,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    options = ["--out", str(out), "--data", str(data), "--dev", str(dev), "--home", str(home)]
    options += ["--epochs", "1", "--batch", "2", "--threads", "1", "--hold-out", "B05,A02"]
    code, said, err = call(*options, capsys=capsys)
    assert (code, "第 1/1 轮" in err) == (0, True)
    assert "前 8 条召回（没学过的规则）" in said
    assert {path.name for path in out.iterdir()} == {
        ".lock",
        "training.json",
        LAYERS,
        CARD,
        "README.md",
    }
    card = read_retriever(out)
    assert (card.base, card.held_out, card.manual) == (entry.sha256, ("A02", "B05"), small.content_hash)
    assert card.figures.keys() == {
        f"{before}recall_at_{depth}_{sort}"
        for before in ("", "untrained_")
        for depth in (1, 3, 5, 8)
        for sort in ("seen", "held_out")
    }
    assert "没有学过的规则：A02、B05" in (out / "README.md").read_text(encoding="utf-8")

    written = (out / LAYERS).stat().st_mtime_ns
    assert call(*options, capsys=capsys)[0] == 0
    assert (out / LAYERS).stat().st_mtime_ns == written
    assert "超参数" in fault([*options, "--hold-out", "B05"], capsys)

    used_in_a_review(Settings(home=home, retriever=str(out)), small, card.layers, monkeypatch)


def used_in_a_review(
    settings: Settings, catalogue: Catalogue, layers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Build and search both indexes; with the retriever, sentence-transformers is not needed for either."""
    plain = settings.model_copy(update={"retriever": "none"})
    untrained = open_retriever(plain, catalogue)
    monkeypatch.setattr("reviewer.encoders.SentenceTransformerEncoder", None)
    trained = open_retriever(settings, catalogue)
    assert trained.encoder.identity == f"{untrained.encoder.identity}-{layers[:12]}"
    assert trained.identity != untrained.identity
    assert len(list((settings.home / "index").glob("[!.]*"))) == 2
    one, other = (each.encoder.encode_query(["退款123元"])[0] for each in (trained, untrained))
    assert float(one @ other) < 0.999999
    assert trained.index.search("退款123元", encoder=trained.encoder, top_k=3)
    for index, encoder in ((trained.index, untrained.encoder), (untrained.index, trained.encoder)):
        with pytest.raises(IndexMismatchError):
            index.search("退款123元", encoder=encoder, top_k=3)
    trained.close()
    untrained.close()


def test_without_a_retriever_the_identity_is_the_encoders(entry: ModelEntry, tmp_path: Path) -> None:
    # None is shipped yet: calibration is tied to this name.
    for value in ("auto", "none"):
        settings = Settings(home=tmp_path / "home", retriever=value)
        model = resolve_model(settings.encoder, settings.home, kind="encoder")
        assert encoder_identity(settings, model) == f"multilingual-e5-small-{entry.sha256[:12]}"


def kill_at(step: int) -> Callable[[str, int, int], None]:
    def on_bytes(what: str, done: int, _total: int) -> None:
        if (what, done) == ("训练", step):
            raise KilledError

    return on_bytes


@pytest.mark.usefixtures("entry")
def test_a_killed_training_goes_on(data: Path, small: Catalogue, tmp_path: Path) -> None:
    labelled, home = read_labelled([data], small), tmp_path / "home"
    task = RetrieverTask(labelled, Labelled(), small, RetrieverRecipe(epochs=2, batch=2, rate=1e-3))
    with pytest.raises(KilledError):
        train_retriever(task, tmp_path / "b", home, n_threads=1, progress=Progress(bytes_done=kill_at(3)))
    assert {path.name for path in (tmp_path / "b").iterdir()} == {
        ".lock",
        "training.json",
        CHECKPOINT,
        RANKINGS,
    }
    done: list[tuple[str, int]] = []
    progress = Progress(bytes_done=lambda what, now, _total: done.append((what, now)))
    again = train_retriever(task, tmp_path / "b", home, n_threads=1, progress=progress)
    assert done == [("训练", 2), ("训练", 3), ("训练", 4)]
    whole = train_retriever(task, tmp_path / "a", home, n_threads=1, progress=Progress())
    assert again.layers == whole.layers
    assert again.figures == {}


@pytest.fixture
def tuned(entry: ModelEntry, tmp_path: Path) -> tuple[Path, Tower]:
    """Return a retriever folder whose layers are a little off the encoder's, and the same in torch."""
    files = ensure_encoder(entry, tmp_path / "home")
    tower = Tower(load_encoder(files.sentence_transformers)).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in tower.named_parameters():
            if ".layer." in name:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    folder = tmp_path / "tuned"
    folder.mkdir()
    export_layers(tower, folder / LAYERS)
    card = {
        "name": "x",
        "base": entry.sha256,
        "layers": "",
        "licence": "MIT",
        "data": "",
        "recipe": {},
        "figures": {},
        "limits": "",
        "manual": "",
        "held_out": [],
    }
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    return folder, tower


def change(folder: Path, **values: str) -> None:
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (folder / CARD).write_text(json.dumps({**card, **values}), encoding="utf-8")


def test_llama_cpp_gives_the_vectors_of_torch(
    entry: ModelEntry, tuned: tuple[Path, Tower], tmp_path: Path
) -> None:
    folder, tower = tuned
    files = ensure_encoder(entry, tmp_path / "home")
    texts = ["query: 退款123元", "passage: 您好,请您", "query: abc!"]
    gguf = assemble_tuned(entry, folder / LAYERS, tmp_path / "home", RETRIEVER)
    encoder = LlamaEncoder(gguf, files.vocabulary, identity="x", prompts=Prompts(), n_threads=1)
    tokenizer = UnigramTokenizer(files.vocabulary)
    with torch.no_grad():
        expected = tower([tuple(tokenizer.encode(text)) for text in texts]).numpy()
    cosines = (encoder.encode_query(texts) * expected).sum(axis=1)
    encoder.close()
    assert np.all(cosines > 0.999)


def test_a_retriever_of_another_encoder_is_refused(tuned: tuple[Path, Tower], tmp_path: Path) -> None:
    folder, _ = tuned
    settings = Settings(home=tmp_path / "home", retriever=str(folder))
    change(folder, base="0" * 64)
    with pytest.raises(ModelCorruptError, match="另一个编码器"):
        query_encoder(settings, notify=lambda _text: None)


def test_changed_layers_are_refused(tuned: tuple[Path, Tower], tmp_path: Path) -> None:
    folder, _ = tuned
    settings = Settings(home=tmp_path / "home", retriever=str(folder))
    change(folder, layers="0" * 64)
    with pytest.raises(ModelCorruptError, match="SHA-256"):
        query_encoder(settings, notify=lambda _text: None)
    assert not list((tmp_path / "home" / "models").glob("retriever-*"))


def test_a_shipped_retriever_is_left_out_beside_another_encoder(
    tuned: tuple[Path, Tower], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = tuned
    change(folder, base="0" * 64)
    monkeypatch.setattr("reviewer.encoders.retriever_folder", lambda _settings: folder)
    settings = Settings(home=tmp_path / "home")
    model = resolve_model(settings.encoder, settings.home, kind="encoder")
    assert encoder_identity(settings, model) == f"multilingual-e5-small-{model.sha256[:12]}"


@pytest.mark.usefixtures("entry", "small")
def test_a_user_fault_is_one_line(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "out"), "--home", str(tmp_path / "home")]
    good = write(tmp_path / "good.jsonl", make_example("x", "您好。"))
    assert "没有规则 Z99" in fault([*out, "--data", str(data), "--hold-out", "A01，Z99"], capsys)
    assert "没有可训练的样本" in fault([*out, "--data", str(good)], capsys)
    assert "也在训练数据里" in fault([*out, "--data", str(data), "--dev", str(data)], capsys)
    assert "读不了数据文件" in fault([*out, "--data", "no-such.jsonl"], capsys)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / CARD).touch()
    assert "请换一个 --out" in fault([*out, "--data", str(data)], capsys)


@pytest.mark.usefixtures("entry")
def test_a_torn_file_of_the_training_is_one_line(
    data: Path, small: Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    labelled = read_labelled([data], small)
    task = RetrieverTask(labelled, Labelled(), small, RetrieverRecipe(epochs=1, batch=2))
    with pytest.raises(KilledError):
        train_retriever(task, out, home, n_threads=1, progress=Progress(bytes_done=kill_at(1)))
    options = ["--out", str(out), "--data", str(data), "--home", str(home), "--epochs", "1", "--batch", "2"]
    (out / RANKINGS).write_text("{", encoding="utf-8")
    assert RANKINGS in fault(options, capsys)
