"""Small records for the tests of this folder."""

from collections.abc import Iterable, Mapping

from reviewer.evaluation.examples import Example, LabelledViolation
from reviewer.evaluation.records import (
    Manifest,
    Outcome,
    Record,
    RewriteOutcome,
    RuleInfo,
    RuleOutcome,
    Run,
    SpanRecord,
)

# A01 and B01 standing, S01 and C01 situational, R01 red.
RULES = [
    RuleInfo(id="A01", title="敬称", severity="minor", standing=True),
    RuleInfo(id="B01", title="准确", severity="major", standing=True),
    RuleInfo(id="C01", title="问候", severity="minor", standing=False),
    RuleInfo(id="S01", title="退款", severity="major", standing=False),
    RuleInfo(id="R01", title="红线", severity="red", standing=True),
]
_IDS = [rule.id for rule in RULES]


def record(
    id_: str,
    *,
    gold: Iterable[str] = (),
    cited: Iterable[str] = (),
    verdict: str | None = None,
    gold_verdict: str | None = None,
    quotes: Mapping[str, str] | None = None,
    spans: Mapping[str, list[tuple[int, int]]] | None = None,
    chances: Mapping[str, float] | None = None,
    draft: str = "您好，可以退款。",
    silent: Iterable[str] = (),
    rewrite: RewriteOutcome | None = None,
    ranking: Iterable[str] = (),
    timing_ms: Mapping[str, float] | None = None,
    n_tokens: int = 0,
    error: str = "",
    **example: object,
) -> Record:
    """Return a record; verdicts follow from the rules unless given, ``silent`` are not assessed."""
    gold, cited, silent = list(gold), set(cited), set(silent)
    labels = [LabelledViolation(rule=rule, quote=(quotes or {}).get(rule, "")) for rule in gold]
    outcomes = [
        RuleOutcome(
            rule=rule,
            status="not_assessed" if rule in silent else "found" if rule in cited else "clear",
            probability=(chances or {}).get(rule),
            spans=[SpanRecord(start=start, end=end) for start, end in (spans or {}).get(rule, [])],
        )
        for rule in _IDS
    ]
    labelled = Example.model_validate(
        {
            "id": id_,
            "draft": draft,
            "customer": "在吗",
            "verdict": gold_verdict or _verdict(gold),
            "violations": labels,
            **example,
        }
    )
    outcome = Outcome.model_validate(
        {
            "verdict": verdict or _verdict(cited),
            "rules": outcomes,
            "ranking": list(ranking),
            "rewrite": rewrite,
            "timing_ms": dict(timing_ms or {}),
            "n_tokens": n_tokens,
            "error": error,
        }
    )
    return Record(example=labelled, outcome=outcome)


def run(*records: Record) -> Run:
    manifest = Manifest(
        system="试验",
        identity="0",
        data="手写",
        data_hash="0",
        n_examples=len(records),
        started="2026-01-01T00:00:00Z",
        rules=RULES,
    )
    return Run(manifest, records)


def _verdict(rules: Iterable[str]) -> str:
    rules = set(rules)
    return "block" if "R01" in rules else "revise" if rules else "pass"
