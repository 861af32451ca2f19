"""Whether labelled data contradicts itself or the manual, and what it covers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reviewer.errors import InputError
from reviewer.evaluation.coverage import Coverage, coverage_of
from reviewer.evaluation.examples import Example, LabelledVerdict, numbered_examples
from reviewer.manual.catalogue import Catalogue
from reviewer.request import conversation_of
from reviewer.types import Severity


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one example; ``line`` 0 and no ``example`` mean that the file is unreadable."""

    path: Path
    line: int
    example: str
    message: str

    def __str__(self) -> str:
        """Return it as one line: place, example, what is wrong."""
        if self.line == 0:
            return self.message
        return f"{self.path}:{self.line} {self.example}：{self.message}"


@dataclass(frozen=True, slots=True)
class Report:
    """The faults of some files in their order, and what their readable examples cover."""

    faults: tuple[Fault, ...]
    coverage: Coverage

    def to_text(self) -> str:
        """Return the faults, one a line, and the coverage, in Chinese."""
        head = f"发现 {len(self.faults)} 处问题。" if self.faults else "没有发现问题。"
        return "\n".join([head, *map(str, self.faults), "", self.coverage.to_text()])


def validate(paths: Iterable[Path], catalogue: Catalogue) -> Report:
    """Check files together: ids and drafts must not repeat across them either."""
    seen = _Seen()
    faults: list[Fault] = []
    examples: list[Example] = []
    for path in paths:
        found, readable = _check_file(path, catalogue, seen)
        faults += found
        examples += readable
    return Report(tuple(faults), coverage_of(examples, catalogue))


def validate_file(path: Path, catalogue: Catalogue) -> list[Fault]:
    """Return the faults of one file by line; reading stops at a line that is no example."""
    return _check_file(path, catalogue, _Seen())[0]


def verdict_for(rules: Iterable[str], severities: Mapping[str, Severity]) -> LabelledVerdict:
    """Return block with a red rule, revise with any other, pass with none; an unknown rule is not red."""
    graded = [severities.get(rule) for rule in rules]
    if not graded:
        return "pass"
    return "block" if "red" in graded else "revise"


def severities_of(catalogue: Catalogue) -> dict[str, Severity]:
    """Return the severity of every rule by id, in catalogue order."""
    return {rule.id: rule.severity for rule in catalogue.rules}


@dataclass(slots=True)
class _Seen:
    """Where each id, and each draft in its situation, was first met."""

    ids: dict[str, str] = field(default_factory=dict)
    drafts: dict[str, str] = field(default_factory=dict)

    def repeats(self, place: str, example: Example) -> Iterator[str]:
        """Yield what was met before and remember the rest."""
        if example.id in self.ids:
            yield f"编号与 {self.ids[example.id]} 重复"
        self.ids.setdefault(example.id, place)
        # Several attacks or mutations may start from one clean reply.
        if example.kind == "clean":
            return
        situation = example.request().model_dump_json()
        if situation in self.drafts:
            yield f"情境和草稿都与 {self.drafts[situation]} 相同"
        self.drafts.setdefault(situation, f"{place} {example.id}")


def _check_file(path: Path, catalogue: Catalogue, seen: _Seen) -> tuple[list[Fault], list[Example]]:
    severities = severities_of(catalogue)
    faults: list[Fault] = []
    examples: list[Example] = []
    try:
        for line, example in numbered_examples(path):
            examples.append(example)
            messages = [*_unknown_rules(example, severities), *_verdict(example, severities)]
            messages += [message for check in _CHECKS for message in check(example)]
            messages += _unfit(example, catalogue)
            if not _refusal(example):
                messages += seen.repeats(f"{path.name}:{line}", example)
            faults += [Fault(path, line, example.id, message) for message in messages]
    except InputError as unreadable:
        faults.append(Fault(path, 0, "", str(unreadable)))
    return faults, examples


def _unknown_rules(example: Example, severities: Mapping[str, Severity]) -> Iterator[str]:
    named: dict[str, Sequence[str]] = {
        "violations": [violation.rule for violation in example.violations],
        "near_miss": example.near_miss,
        "disputed": example.disputed,
    }
    for where, rules in named.items():
        for rule in rules:
            if rule not in severities:
                yield f"{where} 里的规则 {rule} 不在手册里"


def _quotes(example: Example) -> Iterator[str]:
    for violation in example.violations:
        if violation.quote not in example.draft:
            yield f"{violation.rule} 的引文“{violation.quote}”与草稿不是逐字一致"


def _verdict(example: Example, severities: Mapping[str, Severity]) -> Iterator[str]:
    implied = verdict_for((violation.rule for violation in example.violations), severities)
    if implied != example.verdict:
        yield f"结论是 {example.verdict}，按所列违规应为 {implied}"


def _contradictions(example: Example) -> Iterator[str]:
    violated = {violation.rule for violation in example.violations}
    for rule in sorted(violated & set(example.near_miss)):
        yield f"{rule} 既列为违规又列为 near_miss"
    for rule in sorted(violated & set(example.disputed)):
        yield f"{rule} 既列为违规又列为 disputed"


def _repeated_labels(example: Example) -> Iterator[str]:
    # The clean twin of an attack carries the attack's rules without their quotes.
    if example.kind == "clean":
        return
    seen: set[tuple[str, str]] = set()
    for violation in example.violations:
        label = (violation.rule, violation.quote)
        if label in seen:
            yield f"{violation.rule} 以同一引文列了两次"
        seen.add(label)


def _rewrite(example: Example) -> Iterator[str]:
    if not example.rewrite:
        return
    if example.verdict == "pass":
        yield "结论是 pass 却有 rewrite"
    if example.rewrite.strip() == example.draft.strip():
        yield "rewrite 与草稿相同"


def _unfit(example: Example, catalogue: Catalogue) -> Iterator[str]:
    """Yield why it cannot be reviewed, or the violated rules that would never be asked of it."""
    if refusal := _refusal(example):
        yield f"审核会拒绝这份草稿：{refusal}"
        return
    unasked = {rule.id for rule in catalogue.not_applicable(conversation_of(example.request()))}
    for rule in sorted(unasked & {violation.rule for violation in example.violations}):
        yield f"{rule} 不适用于渠道 {example.channel}、阶段 {example.stage}，却列为违规"


def _refusal(example: Example) -> str:
    """Return why the reviewer would refuse the example, empty when it would not."""
    try:
        conversation_of(example.request())
    except InputError as refused:
        return str(refused)
    except ValueError:
        return "客户消息或上文过长。"
    return ""


_CHECKS: tuple[Callable[[Example], Iterator[str]], ...] = (
    _quotes,
    _contradictions,
    _repeated_labels,
    _rewrite,
)
