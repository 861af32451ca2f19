"""What a batch found, and what is not as an earlier one had it."""

from collections import Counter
from dataclasses import dataclass, field

from reviewer.batch.output import Line, Was
from reviewer.batch.recheck import is_kept
from reviewer.formats.escaping import one_line
from reviewer.formats.text import SEVERITIES, VERDICTS
from reviewer.schema import Review, RuleOut
from reviewer.types import SEVERITY_ORDER, Verdict


@dataclass
class Summary:
    """What a batch found; fed with one review after the other."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    incomplete: int = 0
    _known: dict[str, RuleOut] = field(default_factory=dict)

    def add(self, review: Review) -> None:
        """Count ``review``."""
        self.verdicts[review.verdict] += 1
        self.incomplete += not review.complete
        for finding in review.findings:
            self.rules[finding.rule.id] += 1
            self._known[finding.rule.id] = finding.rule

    def to_text(self, *, faults: int) -> str:
        """Return one line on all, and one a rule: gravest and most frequent first.

        Args:
            faults: How many times it was said that something could not be reviewed.
        """
        parts = [f"{name} {self.verdicts[verdict]}" for verdict, name in VERDICTS.items()]
        lines = [f"{self.verdicts.total()} 条：{'；'.join(parts)}"]
        if self.incomplete:
            lines.append(f"其中 {self.incomplete} 条有规则没有审到，不能当作通过。")
        if faults:
            # Not so many rows: with a quotation that does not end, one fault is all the rest of a file.
            lines.append(f"另有 {faults} 处不能审核，见上面的说明。")
        for rule in sorted(self._known.values(), key=self._rank):
            title = f"{one_line(rule.id)} {one_line(rule.title)}"
            lines.append(f"  {title}（{SEVERITIES[rule.severity]}）：{self.rules[rule.id]} 条")
        return "".join(line + "\n" for line in lines)

    def _rank(self, rule: RuleOut) -> tuple[int, int, str]:
        return SEVERITY_ORDER[rule.severity], -self.rules[rule.id], rule.id


# The gravest first; what was not assessed may be anything.
_GRAVITY: tuple[Verdict, ...] = ("block", "not_assessed", "revise", "pass")


@dataclass(frozen=True, slots=True)
class _Change:
    """One row: verdict and cited rules (title by id) now, and what was said of it."""

    id: str
    verdict: Verdict
    rules: dict[str, str]
    was: Was

    @property
    def rank(self) -> tuple[int, int]:
        """Sorts the gravest verdict first, then what was best before."""
        return _GRAVITY.index(self.verdict), -_GRAVITY.index(self.was.verdict)

    def __str__(self) -> str:
        verdicts = dict.fromkeys((VERDICTS[self.was.verdict], VERDICTS[self.verdict]))
        told = [f"{one_line(self.id)}：{' → '.join(verdicts)}"]
        for what, here, there in (("多了", self.rules, self.was.rules), ("少了", self.was.rules, self.rules)):
            rules = [f"{rule} {title}" for rule, title in here.items() if rule not in there]
            told += [f"{what} {one_line('、'.join(rules))}"] if rules else []
        return "；".join(told)


@dataclass
class Changes:
    """The rows whose verdict or cited rules are not as an earlier batch had them; fed line by line."""

    new: int = 0
    kept: int = 0
    _changed: list[_Change] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """Compare ``line`` with what it was."""
        self.kept += is_kept(line.review)
        if line.was is None:
            self.new += 1
            return
        now = {finding.rule.id: finding.rule.title for finding in line.review.findings}
        if (line.review.verdict, now.keys()) != (line.was.verdict, line.was.rules.keys()):
            self._changed.append(_Change(line.id, line.review.verdict, now, line.was))

    def to_text(self) -> str:
        """Return one line on all, and one a row that changed: the gravest verdict first."""
        parts = [f"{len(self._changed)} 条的结论或引用的规则变了"]
        parts += [f"沿用旧审核 {self.kept} 条"] if self.kept else []
        parts += [f"{self.new} 条是新的"] if self.new else []
        lines = [f"与上次相比：{'；'.join(parts)}。"]
        ranked = sorted(self._changed, key=lambda change: change.rank)
        return "".join(line + "\n" for line in (*lines, *(f"  {change}" for change in ranked)))
