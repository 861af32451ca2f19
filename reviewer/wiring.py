"""Puts the parts of a reviewer together around any engine, and says what its reviews rest on."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from reviewer.checks import CheckSettings
from reviewer.classifier import ManualClassifier, RuleClassifier, known_to
from reviewer.engine.protocol import Engine
from reviewer.grading import Calibration, Conditions, Explainer, Grader, load_calibration
from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.manual.sameness import adopt
from reviewer.pipeline import Pipeline
from reviewer.prompting import PromptBook
from reviewer.resources import resource_dir
from reviewer.retrieval import IndexRetriever
from reviewer.rewriting import Rewriter, WordingBook, load_wordings
from reviewer.schema import VersionsOut
from reviewer.settings import Settings

CALIBRATION_FILE = "calibration.json"
UNTRAINED_NOTE = "判断模型未经本任务训练，除确定性检查外的结论仅供参考，请人工复核。"
UNUSED_NOTE = "模型的是否判断经校准不计权重，非检查类结论来自检索相似度和规则的常见程度。"
CLASSIFIER_NOTE = "结论来自确定性检查和训练过的分类器；语言模型未经本任务训练，只用来改写。"
STRANGE_NOTE = (
    "这份手册有 {} 条规则没有训练过的判断，未审；可用 same_as 指明与随附手册相同的规则，"
    "或用 reviewer train grader 训练。"
)
FOREIGN_NOTE = "分类器没有学过这份手册的 {} 条规则，未使用；可用 reviewer train grader 重新训练。"
SAME_NOTE = "{} 条规则按随附手册里要求相同的规则判断（same_as），请确认它们确实相同。"
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

    Rules that are the same as shipped ones are mended with the shipped wordings, unless the manual has
    wordings of its own.

    Raises:
        CorpusError: a file is missing or malformed, or they contradict each other.
    """
    catalogue = load_catalogue(folder)
    wordings = load_wordings(folder, catalogue)
    home = resource_dir("corpus")
    if folder == home:
        # A copy in another folder goes on and comes out the same.
        return ManualContent(catalogue, wordings)
    shipped = load_catalogue(home)
    adopted = adopt(catalogue, shipped)
    if not wordings.mendings:
        names = {rule.id: rule.known_as for rule in adopted.rules if rule.vouched}
        wordings = load_wordings(home, shipped).named(names)
    return ManualContent(adopted, wordings)


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

    A classifier that knows no rule of this manual is left out; one that knows some judges these.
    """
    identity = engine.identity
    catalogue, wordings = manual.catalogue, manual.wordings
    names = known_to(classifier, catalogue.rules) if classifier else {}
    judging = ManualClassifier(classifier, names) if classifier and names else None
    conditions = Conditions(
        model=identity.model,
        adapter=identity.adapter,
        prompts=prompts.content_hash,
        manual=catalogue.content_hash,
        encoder=retriever.encoder.identity,
        classifier=judging.identity if judging else "",
    )
    calibration = load_calibration(resource_dir("prompts") / CALIBRATION_FILE, conditions).named(
        names or {rule.id: rule.id for rule in catalogue.rules}
    )
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
        classifier=judging,
        checks=CheckSettings(public_numbers=settings.public_numbers),
        versions=versions,
        wordings=wordings,
        rewrites_by=settings.rewriter,
        notes=(
            *_knowledge(catalogue, names, classifier),
            *_notes(
                identity.adapter,
                calibration,
                classified=judging is not None,
                writer=rewriter.engine.identity.adapter[:16] if rewriter else "",
            ),
        ),
    )


def _knowledge(
    catalogue: Catalogue, names: Mapping[str, str], classifier: RuleClassifier | None
) -> tuple[str, ...]:
    """Return what is to be said of rules that the classifier does not know, or knows by others."""
    if classifier is None:
        return ()
    strange = len(catalogue.rules) - len(names)
    vouched = sum(rule.vouched for rule in catalogue.rules if rule.id in names)
    notes = (STRANGE_NOTE if names else FOREIGN_NOTE).format(strange) if strange else ""
    same = SAME_NOTE.format(vouched) if vouched else ""
    return tuple(filter(None, (notes, same)))


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
