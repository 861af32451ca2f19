"""What came of the rows of a file, each with its place there; SARIF and rdjsonl are made from it."""

from dataclasses import dataclass, field

from reviewer.formats.escaping import one_line
from reviewer.formats.text import unassessed
from reviewer.schema import FindingOut, Review, VersionsOut
from reviewer.types import SEVERITY_ORDER, Severity

# The reader of rdjsonl takes 64 KiB a line, and gives up on all of them at a longer one.
_MAX_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stands in a file: the line it begins on, from 1, and its text of one or more lines.

    ``context`` is what it says besides the draft.
    """

    id: str
    line: int
    text: str
    context: str = ""

    def find(self, quote: str) -> tuple[int, int] | None:
        """Return where ``quote`` stands, as half-open offsets into the text.

        None unless it is verbatim on the first line and nowhere else in the row: what the draft writes
        with escapes may stand plainly in the customer's message.
        """
        if quote in self.context:
            return None
        start = self.text.find(quote)
        end = start + len(quote)
        if start < 0 or start == end or "\n" in self.text[:end]:
            return None
        return None if quote in self.text[start + 1 :] else (start, end)


@dataclass(frozen=True, slots=True)
class RowFinding:
    """A finding on a row."""

    row: Row
    finding: FindingOut

    @property
    def places(self) -> list[tuple[int, int]]:
        """Where its spans stand in the row, as ``Row.find`` has it; without those that it does not find."""
        found = (self.row.find(span.text) for span in self.finding.spans)
        return [place for place in found if place is not None]

    @property
    def message(self) -> str:
        """One line: the row's id, the rule's title, the reason."""
        return _told(f"{self.row.id}：{self.finding.rule.title}：{self.finding.reason}")

    @property
    def quotes(self) -> str:
        """One line that quotes the spans, empty when there are none."""
        quotes = "、".join(f"“{span.text}”" for span in self.finding.spans)
        return _told(f"原文：{quotes}") if quotes else ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Why a row, or without a line the whole file, must not be taken for clean.

    ``severity`` is the gravest that may have been missed.
    """

    text: str
    severity: Severity
    line: int | None


@dataclass
class FileReview:
    """What came of the rows of the file ``path``; fed with one row after the other."""

    path: str
    findings: list[RowFinding] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    versions: VersionsOut | None = None

    def add(self, row: Row, review: Review) -> None:
        """Take up ``review`` of ``row``; nothing remains of one that found nothing and left nothing open."""
        self.versions = review.versions
        self.findings += [RowFinding(row, finding) for finding in review.findings]
        if not review.complete:
            severities = (entry.severity for entry in review.not_assessed)
            worst = min(severities, key=SEVERITY_ORDER.__getitem__)
            text = f"{row.id}：没有审完，不能当作通过：规则{unassessed(review.not_assessed)}"
            self._notice(text, worst, row.line)

    def refuse(self, line: int, why: str) -> None:
        """Take up that the row on ``line`` could not be reviewed."""
        self._notice(f"没有审核，不能当作通过：{why}", "red", line)

    def stop(self, why: str) -> None:
        """Take up that not all rows were come to."""
        self._notice(f"批量审核没有做完，没有列出的行不能当作通过：{why}", "red", None)

    def notices_in_order(self) -> list[Notice]:
        """Return the notices by line; what concerns the whole file comes last."""
        return sorted(self.notices, key=lambda notice: (notice.line is None, notice.line or 0))

    def _notice(self, text: str, severity: Severity, line: int | None) -> None:
        self.notices.append(Notice(_told(text), severity, line))


def _told(text: str) -> str:
    """Return ``text`` on one line, cut where it is very long."""
    line = one_line(text)
    return line if len(line) <= _MAX_CHARS else line[:_MAX_CHARS] + "…"
