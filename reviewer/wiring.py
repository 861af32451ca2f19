"""Puts the parts of a reviewer together around any engine, and says what its reviews rest on."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from reviewer.checks import CheckSettings
from reviewer.classifier import RuleClassifier
from reviewer.engine.protocol import Engine
from reviewer.grading import Calibration, Conditions, Explainer, Grader, load_calibration
from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.pipeline import Pipeline
from reviewer.prompting import PromptBook
from reviewer.resources import content_hash, resource_dir
from reviewer.retrieval import IndexRetriever
from reviewer.rewriting import Rewriter, WordingBook, load_wordings
from reviewer.schema import VersionsOut
from reviewer.settings import Settings
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
class ManualContent:
    """All that reviews take from the folder of a manual."""

    catalogue: Catalogue
    wordings: WordingBook


def read_manual(folder: Path) -> ManualContent:
    """Read the manual of ``folder``; what is edited later changes nothing.

    Raises:
        CorpusError: a file is missing or malformed, or they contradict each other.
    """
    catalogue = load_catalogue(folder)
    return ManualContent(catalogue, load_wordings(folder, catalogue))


def wire(
    settings: Settings,
    manual: ManualContent,
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
    catalogue, wordings = manual.catalogue, manual.wordings
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
