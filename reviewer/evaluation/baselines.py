"""What the reviewer has to beat, each judging the same examples behind the same interface.

None of them reads dev or test: what they learn comes from the train files.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from reviewer.bootstrap import Reviewer
from reviewer.checks import CheckSettings, run_checks
from reviewer.evaluation.examples import Example, hash_of
from reviewer.evaluation.records import Outcome, RuleOutcome, SpanRecord
from reviewer.evaluation.systems import request_tokens
from reviewer.grading import Calibration, Grader
from reviewer.manual.catalogue import Catalogue
from reviewer.outcome import verdict_of
from reviewer.pipeline import Listener, Options
from reviewer.request import conversation_of
from reviewer.retrieval import IndexRetriever, query_of
from reviewer.types import Conversation, Finding, Grade, Span

NEIGHBOURS = 5


@dataclass(frozen=True, slots=True)
class _Claim:
    """One rule of a baseline's answer."""

    probability: float
    found: bool
    spans: tuple[Span, ...] = ()


def _outcome(
    catalogue: Catalogue, conversation: Conversation, claims: Mapping[str, _Claim], started: float
) -> Outcome:
    """Return the outcome of ``claims``; a rule without one counts as clear with probability 0."""
    applicable = {rule.id for rule in catalogue.applicable(conversation)}
    found = [
        rule for rule in catalogue.rules if rule.id in applicable and claims.get(rule.id, _NOTHING).found
    ]
    rules = []
    for rule in catalogue.rules:
        claim = claims.get(rule.id, _NOTHING)
        if rule.id not in applicable:
            rules.append(RuleOutcome(rule=rule.id, status="not_applicable"))
            continue
        rules.append(
            RuleOutcome(
                rule=rule.id,
                status="found" if claim.found else "clear",
                probability=claim.probability,
                spans=[SpanRecord(start=span.start, end=span.end) for span in claim.spans],
            )
        )
    findings = [Finding(rule, claims[rule.id].probability, (), "", "grader") for rule in found]
    spent = (time.perf_counter() - started) * 1000
    return Outcome(verdict=verdict_of(findings, ()), rules=rules, timing_ms={"total": round(spent, 1)})


_NOTHING = _Claim(0.0, found=False)


@dataclass(frozen=True, slots=True)
class Majority:
    """Says what is most often right: that nothing is wrong. Its probabilities are the rules' shares."""

    catalogue: Catalogue
    train: Sequence[Example]
    name: str = "majority"

    @property
    def versions(self) -> Mapping[str, str]:
        """See ``System.versions``."""
        return {"manual": self.catalogue.content_hash, "train": hash_of(self.train)}

    def judge(self, example: Example) -> Outcome:
        """See ``System.judge``."""
        started = time.perf_counter()
        counts = Counter(rule for each in self.train for rule in each.gold)
        claims = {rule: _Claim(count / len(self.train), found=False) for rule, count in counts.items()}
        return _outcome(self.catalogue, conversation_of(example.request()), claims, started)

    def close(self) -> None:
        """Nothing to free."""


@dataclass(frozen=True, slots=True)
class ChecksAlone:
    """The deterministic checks without any model."""

    catalogue: Catalogue
    name: str = "checks"

    @property
    def versions(self) -> Mapping[str, str]:
        """See ``System.versions``."""
        from importlib.metadata import version

        return {"manual": self.catalogue.content_hash, "app": version("reviewer")}

    def judge(self, example: Example) -> Outcome:
        """See ``System.judge``."""
        started = time.perf_counter()
        conversation = conversation_of(example.request())
        settings = CheckSettings(public_numbers=tuple(example.public_numbers))
        claims: dict[str, _Claim] = {}
        names = {rule.known_as: rule.id for rule in self.catalogue.rules}
        for hit in run_checks(conversation, settings):
            if (name := names.get(hit.rule_id)) is not None:
                known = claims.get(name, _NOTHING)
                claims[name] = _Claim(0.99, found=True, spans=(*known.spans, *hit.spans))
        return _outcome(self.catalogue, conversation, claims, started)

    def close(self) -> None:
        """Nothing to free."""


class Nearest:
    """The rules of the nearest labelled examples, by the untrained encoder: majority of five."""

    name = "nearest"

    def __init__(self, catalogue: Catalogue, train: Sequence[Example], retriever: IndexRetriever) -> None:
        """Embed the train examples with the retriever's encoder (about 40 ms each); ``close`` closes it."""
        self._catalogue, self._train, self._retriever = catalogue, train, retriever
        self._encoder = retriever.encoder
        texts = [query_of(conversation_of(example.request())) for example in train]
        self._vectors: npt.NDArray[np.float32] = self._encoder.encode_query(texts)

    @property
    def versions(self) -> Mapping[str, str]:
        """See ``System.versions``."""
        return {
            "manual": self._catalogue.content_hash,
            "encoder": self._encoder.identity,
            "train": hash_of(self._train),
        }

    def judge(self, example: Example) -> Outcome:
        """See ``System.judge``."""
        started = time.perf_counter()
        conversation = conversation_of(example.request())
        (query,) = self._encoder.encode_query([query_of(conversation)])
        nearest = np.argsort(-(self._vectors @ query))[:NEIGHBOURS]
        votes = Counter(rule for row in nearest.tolist() for rule in self._train[row].gold)
        claims = {
            rule: _Claim(count / NEIGHBOURS, found=count > NEIGHBOURS / 2) for rule, count in votes.items()
        }
        return _outcome(self._catalogue, conversation, claims, started)

    def close(self) -> None:
        """Close the retriever."""
        self._retriever.close()


class Bm25Match:
    """Cites the rule whose text shares most words with customer and draft, above a threshold.

    The threshold is the one with the best F1 on a sample of train.
    """

    name = "bm25"
    sample = 300

    def __init__(self, catalogue: Catalogue, train: Sequence[Example], retriever: IndexRetriever) -> None:
        """Choose the threshold; ``close`` closes the retriever."""
        self._catalogue, self._retriever = catalogue, retriever
        step = max(1, len(train) // self.sample)
        self._train = train[::step]
        tops = [self._top(conversation_of(example.request())) for example in self._train]
        golds = [example.gold for example in self._train]
        n_gold = sum(len(gold) for gold in golds)

        def f1(threshold: float) -> float:
            cited = [
                (rule, gold) for (rule, score), gold in zip(tops, golds, strict=True) if score >= threshold
            ]
            hits = sum(rule in gold for rule, gold in cited)
            return 2 * hits / max(1, len(cited) + n_gold)

        self.threshold = max(sorted(score for _, score in tops), key=f1)

    @property
    def versions(self) -> Mapping[str, str]:
        """See ``System.versions``."""
        return {
            "manual": self._catalogue.content_hash,
            "index": self._retriever.identity,
            "train": hash_of(self._train),
        }

    def judge(self, example: Example) -> Outcome:
        """See ``System.judge``."""
        started = time.perf_counter()
        conversation = conversation_of(example.request())
        rule, score = self._top(conversation)
        claims = {rule: _Claim(1.0, found=True)} if score >= self.threshold else {}
        outcome = _outcome(self._catalogue, conversation, claims, started)
        # A score is no probability.
        rules = [each.model_copy(update={"probability": None}) for each in outcome.rules]
        return outcome.model_copy(update={"rules": rules})

    def close(self) -> None:
        """Close the retriever."""
        self._retriever.close()

    def _top(self, conversation: Conversation) -> tuple[str, float]:
        applicable = {rule.id for rule in self._catalogue.applicable(conversation)}
        relevance = self._retriever.relevance(conversation)
        return max(
            ((rule, known.bm25) for rule, known in relevance.items() if rule in applicable),
            key=lambda pair: pair[1],
        )


class ZeroShot:
    """The base model's own yes or no to every rule, uncalibrated, without checks or classifier."""

    def __init__(self, reviewer: Reviewer, model: str) -> None:
        """Wrap an open reviewer whose settings name ``model``; ``close`` closes it."""
        self._reviewer = reviewer
        pipeline = reviewer.pipeline
        grader = Grader(reviewer.engine, pipeline.prompts, Calibration())
        # The engine loads on first use, which must not count as the first example's time.
        reviewer.engine.count_tokens("")
        # Reasons are not part of an answer, and would be timed for one model and not for the other.
        silent = replace(pipeline.explainer, trusted=False)
        self._pipeline = replace(pipeline, grader=grader, classifier=None, explainer=silent)
        self.name = f"zero-shot-{model}"
        self.versions = {
            **pipeline.versions.model_dump(mode="json"),
            "calibration": "",
            "classifier": "",
        }

    def judge(self, example: Example) -> Outcome:
        """See ``System.judge``."""
        started = time.perf_counter()
        heard: list[Grade] = []

        def hear(grades: Iterable[Grade], _fit: Mapping[str, float]) -> None:
            heard.extend(grades)

        self._pipeline.review(example.request(), Options(rewrite=False), Listener(grades=hear))
        claims = {grade.rule_id: _Claim(grade.probability, found=grade.violated) for grade in heard}
        outcome = _outcome(self._pipeline.catalogue, conversation_of(example.request()), claims, started)
        n_tokens = request_tokens(self._pipeline, self._reviewer.engine, example)
        return outcome.model_copy(update={"n_tokens": n_tokens})

    def close(self) -> None:
        """Close the reviewer."""
        self._reviewer.close()
