"""Which parts of a draft carry which findings, overlaps merged."""

from collections.abc import Sequence
from dataclasses import dataclass

from reviewer.schema import FindingOut
from reviewer.types import SEVERITY_ORDER, Severity

_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳㉑㉒㉓㉔㉕㉖㉗㉘㉙㉚㉛㉜㉝㉞㉟㊱㊲㊳㊴㊵㊶㊷㊸㊹㊺㊻㊼㊽㊾㊿"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the draft and the findings on it: numbers from 1, ascending; none when it is clean.

    ``severity`` is the worst of these findings, None when there are none.
    """

    text: str
    numbers: tuple[int, ...]
    severity: Severity | None


def segments(draft: str, findings: Sequence[FindingOut]) -> list[Segment]:
    """Cut ``draft`` into marked and clean pieces whose texts join to ``draft``.

    Spans that share a character become one piece with all their numbers; so do spans that touch and
    belong to the same finding. Empty spans mark nothing.
    """
    pieces: list[Segment] = []
    at = 0
    for start, end, numbers in _merged(findings):
        if at < start:
            pieces.append(Segment(draft[at:start], (), None))
        worst = min(
            (findings[number - 1].rule.severity for number in numbers), key=SEVERITY_ORDER.__getitem__
        )
        pieces.append(Segment(draft[start:end], tuple(sorted(numbers)), worst))
        at = end
    if at < len(draft):
        pieces.append(Segment(draft[at:], (), None))
    return pieces


def circled(number: int) -> str:
    """Return ``number`` (from 1) as ① to ㊿, above that in brackets."""
    return _CIRCLED[number - 1] if number <= len(_CIRCLED) else f"({number})"


def _merged(findings: Sequence[FindingOut]) -> list[tuple[int, int, set[int]]]:
    spans = sorted(
        (span.start, span.end, number)
        for number, finding in enumerate(findings, start=1)
        for span in finding.spans
        if span.start < span.end
    )
    merged: list[tuple[int, int, set[int]]] = []
    for start, end, number in spans:
        if merged and (start < merged[-1][1] or (start == merged[-1][1] and merged[-1][2] == {number})):
            first, last, numbers = merged[-1]
            merged[-1] = (first, max(last, end), numbers | {number})
        else:
            merged.append((start, end, {number}))
    return merged
