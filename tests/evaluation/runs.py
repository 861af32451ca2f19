"""Small runs: an example is its labelled rules, an answer is its cited rules."""

from collections.abc import Sequence

from reviewer.evaluation.examples import Example, LabelledVerdict, LabelledViolation
from reviewer.evaluation.records import Manifest, Outcome, Record, RuleInfo, RuleOutcome, Run, SpanRecord
from reviewer.types import Verdict

DRAFT = "您好，这事不归我管。"
RULES = (
    RuleInfo(id="A01", title="敬语称谓", severity="minor", standing=True),
    RuleInfo(id="A02", title="不推诿", severity="major", standing=True),
    RuleInfo(id="E01", title="不泄露隐私", severity="red", standing=False),
)


def verdict_for(rules: Sequence[str]) -> LabelledVerdict:
    """Return what the rules amount to: E01 is the red line."""
    return "block" if "E01" in rules else "revise" if rules else "pass"


def record(
    example_id: str,
    gold: str = "",
    cited: str = "",
    *,
    draft: str = DRAFT,
    pair: str = "",
    disputed: str = "",
    verdict: Verdict | None = None,
    error: str = "",
    probability: float | None = None,
    total_ms: float | None = None,
) -> Record:
    """Return a record; rules are written as words in one string."""
    labels = [LabelledViolation(rule=rule, quote="不归我管", reason="推诿") for rule in gold.split()]
    example = Example(
        id=example_id,
        draft=draft,
        verdict=verdict_for(gold.split()),
        violations=labels,
        pair=pair,
        disputed=disputed.split(),
        industry="银行",
        manner="tidy",
        author="author-1",
    )
    span = SpanRecord(start=3, end=7)
    outcomes = [
        RuleOutcome(
            rule=info.id,
            status="found" if info.id in cited.split() else "clear",
            probability=probability if info.id in cited.split() or probability is None else 0.1,
            spans=[span] if info.id in cited.split() else [],
        )
        for info in RULES
    ]
    outcome = Outcome(
        verdict=verdict or verdict_for(cited.split()),
        rules=outcomes,
        timing_ms={} if total_ms is None else {"total": total_ms, "grading": total_ms / 2},
        error=error,
    )
    return Record(example=example, outcome=outcome)


def run(records: Sequence[Record], *, system: str = "甲", data_hash: str = "d1") -> Run:
    """Return a run over ``RULES``."""
    manifest = Manifest(
        system=system,
        identity="i1",
        data="test",
        data_hash=data_hash,
        n_examples=len(records),
        started="2026-01-02T03:04:05Z",
        options={"rewrite": "false"},
        versions={"reviewer": "0.1.0"},
        rules=list(RULES),
    )
    return Run(manifest, tuple(records))
