"""A trained rewriter writes with its own engine and prompts; the grades are none of its business."""

from dataclasses import replace
from pathlib import Path

import pytest

from reviewer import engines
from reviewer.engine.fake import FakeEngine
from reviewer.engine.llama import LlamaConfig
from reviewer.engines import trained_rewriter
from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.grading import Calibration
from reviewer.manual.catalogue import Catalogue
from reviewer.models.adapter import ADAPTER, AdapterCard, write_adapter_card
from reviewer.models.hashing import file_sha256
from reviewer.pipeline import Listener, Options
from reviewer.progress import Progress
from reviewer.prompting import PromptBook, load_rewriter_prompts
from reviewer.resources import resource_dir
from reviewer.rewriting import Rewriter, load_wordings
from reviewer.schema import ReviewRequest
from reviewer.settings import Settings
from reviewer.wiring import _notes
from tests.pipeline_parts import make_pipeline
from tests.test_pipeline import DRAFT, REWRITE, says_yes_to, writes

BASE = "b" * 64


@pytest.fixture
def short() -> PromptBook:
    return load_rewriter_prompts(resource_dir("prompts"))


@pytest.fixture
def folder(short: PromptBook, tmp_path: Path) -> Path:
    (tmp_path / ADAPTER).write_bytes(b"weights")
    card = AdapterCard(
        name="a",
        base=BASE,
        adapter=file_sha256(tmp_path / ADAPTER),
        prompts=short.content_hash,
        licence="Apache-2.0",
        data="d",
        recipe={},
        figures={},
        limits="l",
    )
    write_adapter_card(tmp_path, card)
    return tmp_path


def opened(folder: Path | str, home: Path, model_hash: str = BASE) -> Rewriter | None:
    settings = Settings(rewriter_adapter=str(folder), home=home, max_rewrite_tokens=77)
    config = LlamaConfig(home / "model.gguf", model_hash)
    return trained_rewriter(settings, config, Progress())


def test_it_is_asked_in_its_own_words_and_the_grader_in_its(
    catalogue: Catalogue, prompts: PromptBook, short: PromptBook
) -> None:
    grading = FakeEngine(logits=says_yes_to(["A02"], in_draft="不清楚"))
    writing = FakeEngine(text=writes(REWRITE))
    book = load_wordings(resource_dir("corpus"), catalogue)
    pipeline = replace(
        make_pipeline(catalogue, prompts, grading),
        rewriter=Rewriter(writing, short),
        wordings=book,
        rewrites_by="model",
    )
    request = ReviewRequest(draft=DRAFT, channel="online", stage="middle")
    review = pipeline.review(request, Options(), Listener())
    assert review.rewrite.text == REWRITE
    assert not [tail for _, tail in grading.generated if "改写" in tail.question]
    assert writing.scored == []
    ((prompt, tail),) = writing.generated
    assert prompt.system == short.system(())
    assert f"草稿：{DRAFT}" in prompt.user
    rule = catalogue.rule("A02")
    assert f"违反：{rule.title}。{rule.require}。参考：" in tail.question


def test_its_engine_is_the_same_model_with_the_adapter(folder: Path, tmp_path: Path) -> None:
    rewriter = opened(folder, tmp_path)
    assert rewriter is not None
    assert rewriter.engine.identity.model == BASE
    assert rewriter.engine.identity.adapter == file_sha256(folder / ADAPTER)
    assert rewriter.max_tokens == 77


def test_without_an_adapter_there_is_none(tmp_path: Path) -> None:
    assert opened("none", tmp_path) is None


def test_an_adapter_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelCorruptError, match="另一个模型"):
        opened(folder, tmp_path, model_hash="c" * 64)


def test_the_shipped_one_is_left_out_for_another_model(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "rewriter_adapter_folder", lambda _settings: folder)
    assert opened("auto", tmp_path) is not None
    assert opened("auto", tmp_path, model_hash="c" * 64) is None


def test_a_folder_without_an_adapter_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="rewriter_adapter"):
        opened(tmp_path / "nowhere", tmp_path)


def test_a_review_says_that_the_writer_was_trained() -> None:
    unasked = Calibration(fitted_on="dev", weights={"classifier": 1.0})
    plain = _notes("", unasked, classified=True, writer="")
    trained = _notes("", unasked, classified=True, writer="0123")
    assert any("未经本任务训练" in note for note in plain)
    assert not any("未经本任务训练" in note for note in trained)
    assert any("0123" in note for note in trained)
