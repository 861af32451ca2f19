"""From a name to a system: what is opened, and what is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reviewer.bootstrap import Reviewer
from reviewer.engine.fake import FakeEngine
from reviewer.errors import InputError
from reviewer.evaluation import assembly
from reviewer.evaluation.assembly import SYSTEMS, open_system
from reviewer.evaluation.baselines import Bm25Match, Nearest
from reviewer.evaluation.examples import hash_of
from reviewer.evaluation.sets import read_set
from reviewer.evaluation.systems import System
from reviewer.index.chunks import chunk_manual
from reviewer.index.encoder import HashingEncoder
from reviewer.index.store import build_index, open_index
from reviewer.manual.catalogue import Catalogue
from reviewer.progress import Progress
from reviewer.prompting import PromptBook
from reviewer.retrieval import IndexRetriever
from reviewer.settings import Settings
from tests.pipeline_parts import make_pipeline

Opens = Callable[[str], System]


def never() -> Path:
    raise AssertionError("this system reads no labelled data")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "train").mkdir()
    rows = [
        {"id": "t1", "draft": "要工号干嘛，没有工号。", "verdict": "revise", "violations": [{"rule": "S06"}]},
        {"id": "t2", "draft": "好的，谢谢您。", "verdict": "pass"},
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "train" / "author-1.jsonl").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def wired(catalogue: Catalogue, prompts: PromptBook, monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Put a scripted reviewer in the place of the real one; return the settings it was wired from."""
    seen: list[Settings] = []

    def from_settings(settings: Settings, **_options: Any) -> Reviewer:  # noqa: ANN401
        seen.append(settings)
        engine = FakeEngine()
        return Reviewer(make_pipeline(catalogue, prompts, engine), engine, engine.close, None)

    monkeypatch.setattr(Reviewer, "from_settings", from_settings)
    return seen


def opened(name: str, folder: Callable[[], Path] = never, settings: Settings | None = None) -> System:
    return open_system(name, settings or Settings(), folder, rewrite=False, progress=Progress())


def test_the_reviewer_is_wired_from_the_settings_as_they_are(wired: list[Settings]) -> None:
    settings = Settings(classifier="none", threads=3)
    assert opened("reviewer", settings=settings).name == "reviewer"
    assert wired == [settings]


@pytest.mark.parametrize(
    ("name", "model"), [("zero-shot-0.5b", "qwen2.5-coder-0.5b"), ("zero-shot-1.5b", "qwen2.5-coder-1.5b")]
)
def test_zero_shot_is_the_bare_base_model(wired: list[Settings], name: str, model: str) -> None:
    assert opened(name, settings=Settings(model="other", adapter="x.gguf", threads=3)).name == name
    (used,) = wired
    assert (used.model, used.adapter, used.classifier, used.threads) == (model, "none", "none", 3)


def test_checks_open_neither_model_nor_data(wired: list[Settings]) -> None:
    assert opened("checks").name == "checks"
    assert wired == []


def test_what_learns_learns_from_train(
    data: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    encoder = HashingEncoder()
    passages = chunk_manual(catalogue.sections, catalogue.rules)
    build_index(tmp_path / "index", passages, encoder, manual_hash=catalogue.content_hash)
    index = open_index(
        tmp_path / "index", manual_hash=catalogue.content_hash, encoder_identity=encoder.identity
    )
    monkeypatch.setattr(assembly, "open_retriever", lambda *_arguments: IndexRetriever(index, encoder))
    train = hash_of(read_set("train", data))
    for name, kind in (("nearest", Nearest), ("bm25", Bm25Match)):
        system = opened(name, lambda: data)
        assert isinstance(system, kind)
        assert (system.name, system.versions["train"]) == (name, train)
    assert opened("majority", lambda: data).versions["train"] == train


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(InputError) as caught:
        opened("gpt")
    assert all(name in str(caught.value) for name in SYSTEMS)
