"""From settings to a wired reviewer: the only place that knows every part."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from reviewer.checks import CheckSettings
from reviewer.classifier import RuleClassifier, classifier_files
from reviewer.encoders import building_encoder, close_encoder, query_encoder
from reviewer.engine.lazy import LazyEngine
from reviewer.engine.llama import LlamaConfig, LlamaEngine
from reviewer.engine.protocol import Engine
from reviewer.errors import EngineClosedError, IndexMismatchError, IndexMissingError, ModelMissingError
from reviewer.folders import classifier_folder, corpus_folder, rewriter_adapter_folder
from reviewer.grading import Calibration, Conditions, Explainer, Grader, load_calibration
from reviewer.grading.candidates import resident_rules
from reviewer.index.chunks import chunk_manual
from reviewer.index.encoder import Encoder
from reviewer.index.query import ManualIndex, SearchHit
from reviewer.index.store import build_index, open_index
from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.models.adapter import read_adapter_card, verified_adapter
from reviewer.models.hashing import HashCache
from reviewer.models.resolve import resolve_model
from reviewer.outcome import UNADJUSTED, Adjustments
from reviewer.pipeline import Listener, Options, Pipeline
from reviewer.prompting import PromptBook, load_prompts, load_rewriter_prompts
from reviewer.resources import content_hash, resource_dir
from reviewer.retrieval import IndexRetriever
from reviewer.rewriting import Rewriter, load_wordings
from reviewer.schema import Review, ReviewRequest, VersionsOut
from reviewer.settings import Settings, load_settings
from reviewer.types import Rule

CALIBRATION_FILE = "calibration.json"
UNTRAINED_NOTE = "判断模型未经本任务训练，除确定性检查外的结论仅供参考，请人工复核。"
UNUSED_NOTE = "模型的是否判断经校准不计权重，非检查类结论来自检索相似度和规则的常见程度。"
CLASSIFIER_NOTE = "结论来自确定性检查和训练过的分类器；语言模型未经本任务训练，只用来改写。"
STRANGE_NOTE = "分类器没有学过这份手册的 {} 条规则，未使用；可用 reviewer train grader 重新训练。"
DECIDING_NOTE = "结论来自确定性检查和训练过的分类器；语言模型只用来改写。"
TRAINED_REWRITER_NOTE = "语言模型写改写时用训练过的适配器（{}）。"
UNCALIBRATED_NOTE = "当前模型、提示、手册、检索模型或分类器没有校准数据，把握度不可信。"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where long preparation reports to: bytes of a named thing, and one-line notes."""

    bytes_done: Callable[[str, int, int], None] = lambda _what, _done, _total: None
    note: Callable[[str], None] = lambda _text: None


_SILENT = Progress()


class Reviewer:
    """Reviews drafts on this machine. Use as a context manager, or call ``close``.

    Not safe to share between threads.
    """

    def __init__(
        self, pipeline: Pipeline, engine: Engine, close: Callable[[], None], deadline_ms: int | None
    ) -> None:
        """Keep the parts; ``from_settings`` wires them."""
        self.pipeline = pipeline
        self.engine = engine
        self._close = close
        self._deadline_ms = deadline_ms
        self._closed = False

    @classmethod
    def from_settings(cls, settings: Settings | None = None, *, progress: Progress = _SILENT) -> "Reviewer":
        """Load everything, preparing what is not there yet: models, index, prefix.

        Takes about a second when all is prepared, a minute or two the first time.

        Args:
            settings: None reads the settings file and the environment.
            progress: Where preparation reports to.

        Raises:
            ReviewerError: something is missing or broken; the message says what to do.
        """
        settings = settings or load_settings({}, cwd=Path.cwd()).settings
        catalogue = load_catalogue(corpus_folder(settings))
        prompts = load_prompts(resource_dir("prompts"))
        with ExitStack() as opened:
            config = _engine_config(settings, progress)
            engine = _lazy_engine(config, prompts.system(resident_rules(catalogue.rules)), progress)
            opened.callback(engine.close)
            rewriter = _trained_rewriter(settings, config, progress)
            if rewriter is not None:
                opened.callback(rewriter.engine.close)
            retriever = open_retriever(settings, catalogue, progress)
            opened.callback(retriever.close)
            classifier = open_classifier(settings, progress)
            if classifier is not None:
                opened.callback(classifier.close)
            pipeline = wire(settings, catalogue, prompts, engine, retriever, classifier, rewriter)
            may_write = settings.rewrite and settings.rewriter != "wordings"
            timed_rewrite = may_write and settings.deadline_ms is not None
            # A deadline counts from when the models are ready.
            if pipeline.grader.calibration.uses_the_model:
                engine.count_tokens("")
            if timed_rewrite:
                pipeline.rewriter.engine.count_tokens("")
            return cls(pipeline, engine, opened.pop_all().close, settings.deadline_ms)

    def review(
        self,
        request: ReviewRequest,
        *,
        deadline_ms: float | None = None,
        rewrite: bool = True,
        all_rules: bool = False,
        adjustments: Adjustments = UNADJUSTED,
        listener: Listener | None = None,
    ) -> Review:
        """Review one draft.

        Args:
            request: The draft and its situation.
            deadline_ms: Time limit; None takes that of the settings. What is not answered by then is
                reported as not assessed.
            rewrite: Whether to propose a compliant reply when something is wrong.
            all_rules: Ask every applicable rule, also where a large manual would be narrowed down.
            adjustments: Severities and disabled rules of the team.
            listener: Told of the verdict and of the rewrite's text as they come.

        Raises:
            InputError: the request cannot be reviewed as given.
            EngineError: the engine failed.
        """
        if self._closed:
            raise EngineClosedError("审核器已关闭。")
        limit = self._deadline_ms if deadline_ms is None else deadline_ms
        options = Options(limit, rewrite, all_rules, adjustments)
        return self.pipeline.review(request, options, listener or Listener())

    def close(self) -> None:
        """Free the models. May be called twice."""
        self._closed = True
        self._close()

    def __enter__(self) -> "Reviewer":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """What ``build_manual_index`` made."""

    folder: Path
    manual_hash: str
    passages: int


def wire(
    settings: Settings,
    catalogue: Catalogue,
    prompts: PromptBook,
    engine: Engine,
    retriever: IndexRetriever,
    classifier: RuleClassifier | None = None,
    rewriter: Rewriter | None = None,
) -> Pipeline:
    """Put the parts together around any engine, which also rewrites unless there is a ``rewriter``.

    A classifier that was not trained on every rule of this manual, worded like this, is left out.
    """
    identity = engine.identity
    wordings = load_wordings(corpus_folder(settings), catalogue)
    strange = [rule for rule in catalogue.rules if not _known(classifier, rule)] if classifier else []
    if strange:
        classifier = None
    conditions = Conditions(
        model=identity.model,
        adapter=identity.adapter,
        prompts=prompts.content_hash,
        manual=catalogue.content_hash,
        encoder=retriever.encoder.identity,
        classifier=classifier.identity if classifier else "",
    )
    calibration = load_calibration(resource_dir("prompts") / CALIBRATION_FILE, conditions)
    versions = VersionsOut(
        app=version("reviewer"),
        manual=catalogue.content_hash,
        index=retriever.identity,
        model=identity.model[:16],
        adapter=identity.adapter[:16],
        classifier=conditions.classifier,
        prompts=prompts.content_hash,
        calibration=calibration.content_hash,
        wordings=wordings.content_hash,
    )
    return Pipeline(
        catalogue=catalogue,
        prompts=prompts,
        grader=Grader(engine, prompts, calibration),
        explainer=Explainer(engine, prompts, trusted=bool(identity.adapter) or calibration.uses_the_model),
        rewriter=rewriter or Rewriter(engine, prompts, settings.max_rewrite_tokens),
        retriever=retriever,
        classifier=classifier,
        checks=CheckSettings(public_numbers=settings.public_numbers),
        versions=versions,
        wordings=wordings,
        rewrites_by=settings.rewriter,
        notes=(
            *((STRANGE_NOTE.format(len(strange)),) if strange else ()),
            *_notes(
                identity.adapter,
                calibration,
                classified=classifier is not None,
                writer=rewriter.engine.identity.adapter[:16] if rewriter else "",
            ),
        ),
    )


def open_engine(settings: Settings, progress: Progress = _SILENT) -> LlamaEngine:
    """Load the language model of the settings.

    Raises:
        ModelError: it is missing or damaged.
        EngineError: no memory for it.
    """
    return LlamaEngine(_engine_config(settings, progress))


def open_classifier(settings: Settings, progress: Progress = _SILENT) -> RuleClassifier | None:
    """Load the classifier of the settings, None when there is none or it is switched off.

    Raises:
        ModelError: it is missing or damaged.
    """
    folder = classifier_folder(settings)
    if folder is None:
        return None
    files = classifier_files(folder, settings.home, notify=progress.note)
    return RuleClassifier(files, n_threads=settings.threads or usable_cores())


def _trained_rewriter(settings: Settings, config: LlamaConfig, progress: Progress) -> Rewriter | None:
    """Return the rewriter with an adapter of its own, None when there is none for this model.

    It has an engine of its own, over the same mapped weights: its prompts are other ones, and what it
    learned must not touch a grade.

    Raises:
        ModelError: the adapter is missing or damaged, or was trained on another model or prompts.
    """
    folder = rewriter_adapter_folder(settings)
    if folder is None:
        return None
    card = read_adapter_card(folder)
    if settings.rewriter_adapter == "auto" and card.base != config.model_hash:
        return None
    prompts = load_rewriter_prompts(resource_dir("prompts"))
    adapter = verified_adapter(
        folder, card, settings.home, base=config.model_hash, prompts=prompts.content_hash
    )
    own = replace(config, adapter=adapter, adapter_hash=card.adapter)
    engine = _lazy_engine(own, prompts.system(()), progress)
    return Rewriter(engine, prompts, settings.max_rewrite_tokens)


def _lazy_engine(config: LlamaConfig, system: str, progress: Progress) -> LazyEngine:
    """Return the engine, to be loaded with ``system`` resident when it is first asked."""

    def load() -> LlamaEngine:
        engine = LlamaEngine(config)
        try:
            if not engine.has_prefix(system):
                progress.note("首次使用：把提示（含手册）读入模型并存盘，最多约半分钟…")
            engine.warm(system)
        except BaseException:
            engine.close()
            raise
        return engine

    return LazyEngine(config.identity, load)


def _engine_config(settings: Settings, progress: Progress) -> LlamaConfig:
    adapter = adapter_path(settings)
    model = resolve_model(
        settings.model,
        settings.home,
        progress=lambda done, total: progress.bytes_done(f"组装 {settings.model}", done, total),
    )
    return LlamaConfig(
        model=model.path,
        model_hash=model.sha256,
        adapter=adapter,
        adapter_hash=HashCache(settings.home).file(adapter) if adapter else "",
        cache=settings.home / "prefixes",
        n_ctx=settings.context_tokens,
        n_threads=settings.threads or usable_cores(),
    )


def build_manual_index(settings: Settings, *, progress: Progress = _SILENT) -> BuiltIndex:
    """Build the index of the manual (without a retriever through sentence-transformers: seconds).

    Raises:
        ReviewerError: manual, model or cache folder cannot be used.
    """
    catalogue = load_catalogue(corpus_folder(settings))
    passages = chunk_manual(catalogue.sections, catalogue.rules)
    n_threads = settings.threads or usable_cores()
    encoder = building_encoder(settings, n_threads=n_threads, notify=progress.note)
    try:
        folder = build_index(
            settings.home / "index",
            passages,
            encoder,
            manual_hash=catalogue.content_hash,
            progress=lambda done, total: progress.bytes_done("建立索引", done, total),
        )
    finally:
        close_encoder(encoder)
    return BuiltIndex(folder, catalogue.content_hash, len(passages))


def search_manual(
    settings: Settings, query: str, *, top_k: int, progress: Progress = _SILENT
) -> list[SearchHit]:
    """Return the passages of the manual that fit ``query``, best first.

    Raises:
        ManualIndexError: no index, or one that does not fit manual and encoder.
    """
    catalogue = load_catalogue(corpus_folder(settings))
    encoder = query_encoder(settings, notify=progress.note)
    index = open_index(
        settings.home / "index", manual_hash=catalogue.content_hash, encoder_identity=encoder.identity
    )
    return index.search(query, encoder=encoder, top_k=top_k)


def usable_cores() -> int:
    """Return how many processors this process may use: affinity and cgroup quota, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="utf-8").split()
        if quota != "max":
            cores = min(cores, int(quota) // int(period))
    except (OSError, ValueError):
        pass
    return max(1, cores)


def open_retriever(settings: Settings, catalogue: Catalogue, progress: Progress = _SILENT) -> IndexRetriever:
    """Open the index, building it if need be, and the encoder of its queries.

    Raises:
        ReviewerError: encoder or index cannot be used.
    """
    encoder = query_encoder(settings, notify=progress.note)
    try:
        try:
            index = _open(settings, catalogue, encoder)
        except (IndexMissingError, IndexMismatchError):
            progress.note("建立手册索引…")
            build_manual_index(settings, progress=progress)
            index = _open(settings, catalogue, encoder)
    except BaseException:
        close_encoder(encoder)
        raise
    return IndexRetriever(index, encoder)


def _open(settings: Settings, catalogue: Catalogue, encoder: Encoder) -> ManualIndex:
    return open_index(
        settings.home / "index", manual_hash=catalogue.content_hash, encoder_identity=encoder.identity
    )


def adapter_path(settings: Settings) -> Path | None:
    """Return the LoRA file of the settings; none is shipped yet, so ``auto`` means none."""
    if settings.adapter in ("auto", "none"):
        return None
    path = Path(settings.adapter)
    if not path.is_file():
        raise ModelMissingError(f"没有适配器文件 {path}；请改正 adapter，或设为 none。")
    return path


def _known(classifier: RuleClassifier, rule: Rule) -> bool:
    return classifier.knows(rule.id, content_hash(rule.text.encode()))


def _notes(adapter: str, calibration: Calibration, *, classified: bool, writer: str) -> tuple[str, ...]:
    notes = []
    if classified and not calibration.uses_the_model:
        notes.append(DECIDING_NOTE if writer else CLASSIFIER_NOTE)
    elif not adapter:
        notes.append(UNTRAINED_NOTE)
    if not calibration.fitted_on:
        notes.append(UNCALIBRATED_NOTE)
    elif not classified and not calibration.uses_the_model:
        notes.append(UNUSED_NOTE)
    if writer:
        notes.append(TRAINED_REWRITER_NOTE.format(writer))
    return tuple(notes)
