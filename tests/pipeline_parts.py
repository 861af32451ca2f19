"""A pipeline around a scripted engine and a retriever that needs no model."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reviewer.checks import CheckSettings
from reviewer.engine.fake import FakeEngine
from reviewer.grading import Calibration, Explainer, Grader
from reviewer.manual.catalogue import Catalogue
from reviewer.pipeline import Pipeline
from reviewer.prompting import PromptBook
from reviewer.retrieval import Relevance
from reviewer.rewriting import Rewriter
from reviewer.schema import VersionsOut
from reviewer.types import Conversation

VERSIONS = VersionsOut(
    app="0", manual="m", index="i", model="l", adapter="", classifier="", prompts="p", calibration="c"
)


@dataclass
class FixedRetriever:
    """Gives every request the same relevance."""

    scores: dict[str, float] = field(default_factory=dict)
    identity: str = "fixed"

    def relevance(self, _conversation: Conversation) -> Mapping[str, Relevance]:
        return {rule: Relevance(score, score, score) for rule, score in self.scores.items()}


def make_pipeline(catalogue: Catalogue, prompts: PromptBook, engine: FakeEngine) -> Pipeline:
    return Pipeline(
        catalogue=catalogue,
        prompts=prompts,
        grader=Grader(engine, prompts, Calibration()),
        explainer=Explainer(engine, prompts),
        rewriter=Rewriter(engine, prompts),
        retriever=FixedRetriever(),
        classifier=None,
        checks=CheckSettings(),
        versions=VERSIONS,
        notes=("提示",),
    )
