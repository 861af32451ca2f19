"""Several manuals in one reviewer: what they share, and what each has for itself."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from reviewer import bootstrap
from reviewer.bootstrap import Reviewer
from reviewer.engine.fake import FakeEngine
from reviewer.folders import OWN_MANUAL
from reviewer.pipeline import Pipeline
from reviewer.prompting import PromptBook
from reviewer.resources import resource_dir
from reviewer.retrieval import IndexRetriever
from reviewer.schema import ReviewRequest
from reviewer.settings import Settings
from reviewer.wiring import ManualContent, read_manual
from tests.pipeline_parts import make_pipeline
from tests.service.several import DROPPED, shorter_manual


def test_manuals_share_one_engine_and_encoder_and_have_rules_and_index_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, encoder, systems, closed = FakeEngine(), object(), list[str](), list[object]()
    wired: list[tuple[ManualContent, object, object]] = []

    def load(_config: object, texts: list[str], _progress: object) -> FakeEngine:
        systems.extend(texts)
        return engine

    def wire(
        settings: Settings,
        manual: ManualContent,
        prompts: PromptBook,
        engine: FakeEngine,
        retriever: IndexRetriever,
        *_: object,
    ) -> Pipeline:
        wired.append((manual, retriever.index, retriever.encoder))
        return make_pipeline(manual.catalogue, prompts, engine)

    for name, fake in {
        "engine_config": lambda *_: SimpleNamespace(),
        "trained_rewriter": lambda *_: None,
        "lazy_engine": load,
        "query_encoder": lambda *_, **__: encoder,
        "close_encoder": closed.append,
        "open_classifier": lambda *_: None,
        "open_or_build": lambda _settings, catalogue, *_: catalogue.content_hash,
        "wire": wire,
    }.items():
        monkeypatch.setattr(bootstrap, name, fake)
    folder = shorter_manual(tmp_path / "乙")
    contents = {OWN_MANUAL: read_manual(resource_dir("corpus")), "乙": read_manual(folder)}
    shutil.rmtree(folder)  # nothing is read twice
    with Reviewer.from_settings(Settings(corpus=folder), manuals=contents) as reviewer:
        own, other = reviewer.pipelines[OWN_MANUAL], reviewer.pipelines["乙"]
        assert reviewer.pipeline is own
        known = [{*review.assessed, *review.not_applicable} for review in (
            reviewer.review(ReviewRequest(draft="您好，请稍等。"), manual=name, rewrite=False)
            for name in (OWN_MANUAL, "乙")
        )]  # fmt: skip
    assert known[0] - known[1] == {DROPPED}
    assert systems == [each.prompts.system(each.catalogue.rules) for each in (other, own)]
    assert [(manual, index) for manual, index, _ in wired] == [
        (contents["乙"], other.catalogue.content_hash), (contents[OWN_MANUAL], own.catalogue.content_hash)
    ]  # fmt: skip
    assert [found for *_, found in wired] == [encoder] * 2
    assert (closed, engine.closed) == ([encoder], True)
