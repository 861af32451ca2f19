"""From a name to a system that can be measured."""

from collections.abc import Callable
from pathlib import Path

from reviewer.bootstrap import Reviewer
from reviewer.errors import InputError
from reviewer.evaluation.baselines import Bm25Match, ChecksAlone, Majority, Nearest, ZeroShot
from reviewer.evaluation.examples import Example
from reviewer.evaluation.sets import read_set
from reviewer.evaluation.systems import ReviewerSystem, System
from reviewer.folders import corpus_folder
from reviewer.indexing import open_retriever
from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.progress import Progress
from reviewer.settings import Settings

_ZERO_SHOT = {"zero-shot-0.5b": "qwen2.5-coder-0.5b", "zero-shot-1.5b": "qwen2.5-coder-1.5b"}
SYSTEMS = ("reviewer", "majority", "checks", "nearest", "bm25", *_ZERO_SHOT)


def open_system(
    name: str, settings: Settings, folder: Callable[[], Path], *, rewrite: bool, progress: Progress
) -> System:
    """Return the system ``name``, to be closed by the caller.

    Args:
        name: One of ``SYSTEMS``.
        settings: What a reviewer is wired from.
        folder: Finds the labelled data; baselines that learn read its train files.
        rewrite: Whether the reviewer proposes rewrites.
        progress: Where preparation reports to.

    Raises:
        InputError: no such system, or no train files.
        ReviewerError: something it needs is missing.
    """
    if name == "reviewer":
        return ReviewerSystem(Reviewer.from_settings(settings, progress=progress), rewrite=rewrite)
    if name in _ZERO_SHOT:
        plain = settings.model_copy(
            update={
                "model": _ZERO_SHOT[name],
                "classifier": "none",
                "adapter": "none",
                "rewriter_adapter": "none",
            }
        )
        return ZeroShot(Reviewer.from_settings(plain, progress=progress), name.removeprefix("zero-shot-"))
    catalogue = load_catalogue(corpus_folder(settings))
    if name == "checks":
        return ChecksAlone(catalogue)
    if name not in SYSTEMS:
        raise InputError(f"没有系统 {name}；可用的有 {'、'.join(SYSTEMS)}。")
    return _learned(name, settings, catalogue, read_set("train", folder()), progress)


def _learned(
    name: str, settings: Settings, catalogue: Catalogue, train: list[Example], progress: Progress
) -> System:
    if name == "majority":
        return Majority(catalogue, train)
    retriever = open_retriever(settings, catalogue, progress)
    if name == "nearest":
        progress.note(f"计算 {len(train)} 条训练样本的向量…")
        return Nearest(catalogue, train, retriever)
    return Bm25Match(catalogue, train, retriever)
