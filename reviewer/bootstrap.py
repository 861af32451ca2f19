"""From settings to a reviewer that is ready, or several around one engine."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from reviewer.classifier import RuleClassifier, classifier_files
from reviewer.cores import usable_cores
from reviewer.encoders import close_encoder, query_encoder
from reviewer.engine.protocol import Engine
from reviewer.engines import engine_config, lazy_engine, trained_rewriter
from reviewer.errors import EngineClosedError
from reviewer.folders import OWN_MANUAL, classifier_folder, corpus_folder
from reviewer.grading.candidates import resident_rules
from reviewer.indexing import open_or_build
from reviewer.outcome import UNADJUSTED, Adjustments
from reviewer.pipeline import Listener, Options, Pipeline
from reviewer.progress import SILENT, Progress
from reviewer.prompting import load_prompts
from reviewer.resources import resource_dir
from reviewer.retrieval import IndexRetriever
from reviewer.schema import Review, ReviewRequest
from reviewer.settings import Settings, load_settings
from reviewer.wiring import ManualContent, read_manual, wire


class Reviewer:
    """Reviews drafts on this machine. Use as a context manager, or call ``close``.

    ``pipelines`` are those of its manuals by name, ``pipeline`` that of ``OWN_MANUAL``. Not safe to share
    between threads.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        engine: Engine,
        close: Callable[[], None],
        deadline_ms: int | None,
        others: Mapping[str, Pipeline] | None = None,
    ) -> None:
        """Keep the parts; ``from_settings`` wires them."""
        self.pipeline = pipeline
        self.pipelines = {OWN_MANUAL: pipeline, **(others or {})}
        self.engine = engine
        self._close = close
        self._deadline_ms = deadline_ms
        self._closed = False

    @classmethod
    def from_settings(
        cls,
        settings: Settings | None = None,
        *,
        manuals: Mapping[str, ManualContent] | None = None,
        progress: Progress = SILENT,
    ) -> "Reviewer":
        """Load everything, preparing what is not there yet: models, index, prefix.

        Takes about a second when all is prepared, a minute or two the first time.

        Args:
            settings: None reads the settings file and the environment.
            manuals: What was read already, by name, ``OWN_MANUAL`` among them; engine, encoder and
                classifier are shared. None reads the manual of the settings.
            progress: Where preparation reports to.

        Raises:
            ReviewerError: something is missing or broken; the message says what to do.
        """
        settings = settings or load_settings({}, cwd=Path.cwd()).settings
        contents = _own_last(manuals or {OWN_MANUAL: read_manual(corpus_folder(settings))})
        prompts = load_prompts(resource_dir("prompts"))
        with ExitStack() as opened:
            config = engine_config(settings, progress)
            systems = [prompts.system(resident_rules(each.catalogue.rules)) for each in contents.values()]
            engine = lazy_engine(config, systems, progress)
            opened.callback(engine.close)
            rewriter = trained_rewriter(settings, config, progress)
            if rewriter is not None:
                opened.callback(rewriter.engine.close)
            encoder = query_encoder(settings, notify=progress.note)
            opened.callback(close_encoder, encoder)
            classifier = open_classifier(settings, progress)
            if classifier is not None:
                opened.callback(classifier.close)
            pipelines = {}
            for name, manual in contents.items():
                index = open_or_build(settings, manual.catalogue, encoder, progress)
                retriever = IndexRetriever(index, encoder)
                pipelines[name] = wire(settings, manual, prompts, engine, retriever, classifier, rewriter)
            pipeline = pipelines.pop(OWN_MANUAL)
            may_write = settings.rewrite and settings.rewriter != "wordings"
            timed_rewrite = may_write and settings.deadline_ms is not None
            # A deadline counts from when the models are ready.
            if any(each.grader.calibration.uses_the_model for each in (pipeline, *pipelines.values())):
                engine.count_tokens("")
            if timed_rewrite:
                pipeline.rewriter.engine.count_tokens("")
            return cls(pipeline, engine, opened.pop_all().close, settings.deadline_ms, pipelines)

    def review(
        self,
        request: ReviewRequest,
        *,
        deadline_ms: float | None = None,
        rewrite: bool = True,
        all_rules: bool = False,
        adjustments: Adjustments = UNADJUSTED,
        manual: str = OWN_MANUAL,
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
            manual: By which of its manuals.
            listener: Told of the verdict and of the rewrite's text as they come.

        Raises:
            InputError: the request cannot be reviewed as given.
            EngineError: the engine failed.
        """
        if self._closed:
            raise EngineClosedError("审核器已关闭。")
        limit = self._deadline_ms if deadline_ms is None else deadline_ms
        options = Options(limit, rewrite, all_rules, adjustments)
        return self.pipelines[manual].review(request, options, listener or Listener())

    def close(self) -> None:
        """Free the models. May be called twice."""
        self._closed = True
        self._close()

    def __enter__(self) -> "Reviewer":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def open_classifier(settings: Settings, progress: Progress = SILENT) -> RuleClassifier | None:
    """Load the classifier of the settings, None when there is none or it is switched off.

    Raises:
        ModelError: it is missing or damaged.
    """
    folder = classifier_folder(settings)
    if folder is None:
        return None
    files = classifier_files(folder, settings.home, notify=progress.note)
    return RuleClassifier(files, n_threads=settings.threads or usable_cores())


def _own_last(manuals: Mapping[str, ManualContent]) -> dict[str, ManualContent]:
    """Return the manuals in the order of loading: the own one's prefix is to stay in the engine."""
    others = {name: manual for name, manual in manuals.items() if name != OWN_MANUAL}
    return {**others, OWN_MANUAL: manuals[OWN_MANUAL]}
