"""A review as an agent reads it: verdict, marked draft, findings, rewrite, what was not assessed.

Every part is a :class:`~reviewer.formats.layout.Block`, printable plain or in colour; a caller that
streams prints :func:`verdict_block`, :func:`rewrite_header`, what :class:`RewriteStream` gives, and
:func:`rewrite_footer`. Text of a draft, a model or a manual is escaped and always stands indented,
so it can neither steer the terminal nor pass for a heading.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reviewer.formats.changes import changes
from reviewer.formats.escaping import one_line, visible
from reviewer.formats.layout import Block, Fragment, Paragraph
from reviewer.formats.marking import circled, segments
from reviewer.schema import FindingOut, NotAssessedOut, Review, RewriteOut
from reviewer.types import SEVERITY_ORDER, Origin, Severity, Verdict

VERDICTS: dict[Verdict, str] = {
    "pass": "通过",
    "revise": "建议修改",
    "block": "拦截，不可发送",
    "not_assessed": "未能完成审核",
}
SEVERITIES: dict[Severity, str] = {"red": "红线", "major": "重要", "minor": "轻微"}
_ORIGINS: dict[Origin, str] = {"grader": "模型判断", "check": "确定性检查"}
_STATUS = {"verified": "已核对", "unverified": "未通过核对，请勿直接发送", "none": "无"}
_TO_FILL_IN = "，待填写"
_TIMINGS = {
    "checks": "检查",
    "retrieve": "检索",
    "classify": "分类",
    "grade": "判断",
    "explain": "说明",
    "rewrite": "改写",
}
# A check without a clause found something missing; the model may just not have been asked where.
_NO_CLAUSE: dict[Origin, str] = {
    "check": "缺失（草稿里没有应有的内容）",
    "grader": "缺失或未定位（没有指到具体的句子）",
}
_SHOWN_MS = 10
_NAMED = 12
_REWRITE = "建议回复"
_INDENT = 2
_FINDING_INDENT = 3
_EMPTY = Paragraph()


def render_plain(review: Review, *, notice: str = "", width: int | None = None) -> str:
    """Return the whole review without colour, offending clauses marked with ``【①…】``.

    Args:
        review: the review.
        notice: one line of the caller's, shown last.
        width: cells a line may take; None, for a pipe, leaves lines long.
    """
    return rich_renderable(review, notice=notice).plain(width=width)


def rich_renderable(review: Review, *, notice: str = "") -> Block:
    """Return the whole review for ``rich.console.Console.print``, clauses underlined in colour."""
    return verdict_block(review) + Block((*_rewrite(review), *_tail(review, notice)))


def verdict_block(review: Review) -> Block:
    """Return what is known before there is a rewrite: verdict, marked draft, findings."""
    paragraphs = [_headline(review), _EMPTY, Paragraph((Fragment("草稿", "heading"),)), _marked(review)]
    for number, finding in enumerate(review.findings, start=1):
        paragraphs.extend(_finding(number, finding))
    return Block((*paragraphs, _EMPTY))


def rewrite_header() -> Block:
    """Return the heading under which a rewrite is streamed that has not been verified yet."""
    return Block((Paragraph((Fragment(_REWRITE, "heading"), Fragment("（核对中，请先不要复制）", "dim"))),))


def rewrite_footer(review: Review, *, streamed: str = "", notice: str = "") -> Block:
    """Return what follows a streamed rewrite: its status, what was not assessed, timing, notice.

    Args:
        review: the finished review.
        streamed: what was shown under :func:`rewrite_header`; where the final rewrite differs from
            it, because it was repaired or withdrawn, the final one is printed whole.
        notice: one line of the caller's, shown last.
    """
    rewrite = review.rewrite
    if not streamed.strip() or streamed.strip() != rewrite.text.strip():
        return Block((_EMPTY, *_rewrite(review), *_tail(review, notice)))
    status = Paragraph((Fragment("核对结果：", "label"), Fragment(_status(rewrite))))
    return Block((_EMPTY, status, *_about(review), _EMPTY, *_tail(review, notice)))


def rewrite_remark(review: Review) -> str:
    """Return one line on a rewrite that is shown alone, empty when it can be sent as it is."""
    rewrite = review.rewrite
    if not review.findings and rewrite.status == "none":
        return "没有改写：" + ("未能完成审核。" if review.verdict == "not_assessed" else "没有发现问题。")
    if rewrite.status == "none":
        return f"没有改写：{one_line(rewrite.note) or '未能生成'}。"
    if rewrite.status == "unverified":
        return f"改写未通过核对，请勿直接发送：{'；'.join(_reasons(rewrite)) or '原因未知'}。"
    return (
        f"已核对，待填写：{'、'.join(map(one_line, rewrite.placeholders))}。" if rewrite.placeholders else ""
    )


class RewriteStream:
    """Escapes and indents a rewrite while it is being generated."""

    def __init__(self) -> None:
        self.text = ""

    def feed(self, piece: str) -> str:
        """Take the next piece of the rewrite; return what to write for it, unwrapped."""
        indent = " " * _INDENT
        start = "" if self.text else indent
        self.text += piece
        return (start + visible(piece).replace("\n", "\n" + indent)) if piece else ""


def wants_colour(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Return whether to print the rich form: a terminal that is not dumb, and no ``NO_COLOR``.

    Source: no-color.org (set and not empty).
    """
    return is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _headline(review: Review) -> Paragraph:
    parts = [Fragment(VERDICTS[review.verdict], review.verdict)]
    if review.score is not None:
        parts.append(Fragment(f" · 得分 {review.score}"))
    if review.findings:
        counts = _count(finding.rule.severity for finding in review.findings)
        parts.append(Fragment(f" · 问题 {len(review.findings)} 处（{counts}）"))
    elif review.verdict == "pass":
        # A reservation at the end is read too late by whoever stops at the first line.
        parts.append(Fragment(" · 未发现问题（有保留，见末尾注意）" if review.notes else " · 未发现问题"))
    if review.not_assessed:
        parts.append(Fragment(f" · {len(review.not_assessed)} 条规则未审核"))
    if review.verdict == "not_assessed":
        parts.append(Fragment(" · 不能当作通过"))
    return Paragraph(tuple(parts))


def _marked(review: Review) -> Paragraph:
    parts: list[Fragment] = []
    for piece in segments(review.draft, review.findings):
        text = visible(piece.text)
        if piece.severity is None:
            parts.append(Fragment(text))
            continue
        numbers = "".join(circled(number) for number in piece.numbers)
        parts += [
            Fragment("【", "bracket"),
            Fragment(numbers, f"{piece.severity}-number"),
            Fragment(text, piece.severity),
            Fragment("】", "bracket"),
        ]
    return Paragraph(tuple(parts), _INDENT, _INDENT)


def _finding(number: int, finding: FindingOut) -> Iterator[Paragraph]:
    rule = finding.rule
    yield _EMPTY
    yield Paragraph(
        (
            Fragment(f"{circled(number)} ", f"{rule.severity}-number"),
            Fragment(f"{one_line(rule.id)} {one_line(rule.title)}", "heading"),
            Fragment(f"（{SEVERITIES[rule.severity]}）"),
        ),
        hanging=_FINDING_INDENT,
    )
    clauses = [f"「{one_line(span.text)}」" for span in finding.spans if span.text]
    yield _labelled("问题", "、".join(clauses) or _NO_CLAUSE[finding.origin])
    yield _labelled("原因", one_line(finding.reason))
    yield _labelled("规则", f"「{one_line(rule.text)}」")
    yield _labelled("出处", f"{one_line(rule.source.document)} · {one_line(rule.source.section)}")
    yield _labelled("把握", f"{_percent(finding.probability)}（{_ORIGINS[finding.origin]}）")


def _labelled(label: str, text: str) -> Paragraph:
    """Return ``label：text``; further lines stand under the text. ``label`` is two Chinese characters."""
    return Paragraph((Fragment(f"{label}：", "label"), Fragment(text)), _FINDING_INDENT, _FINDING_INDENT + 6)


def _percent(probability: float) -> str:
    """Return whole percent, with 0 and 100 kept for certainty."""
    if probability in (0, 1):
        return f"{probability:.0%}"
    return f"{min(max(round(probability * 100), 1), 99)}%"


def _rewrite(review: Review) -> Iterator[Paragraph]:
    rewrite = review.rewrite
    if rewrite.status == "none":
        yield Paragraph((Fragment(_REWRITE, "heading"), Fragment("：无")))
    else:
        style = "heading" if rewrite.status == "verified" else "revise"
        yield Paragraph((Fragment(_REWRITE, "heading"), Fragment(f"（{_status(rewrite)}）", style)))
        yield Paragraph((Fragment(visible(rewrite.text)),), _INDENT, _INDENT)
    yield from _about(review)
    yield _EMPTY


def _status(rewrite: RewriteOut) -> str:
    waits = rewrite.status == "verified" and rewrite.placeholders
    return _STATUS[rewrite.status] + (_TO_FILL_IN if waits else "")


def _about(review: Review) -> Iterator[Paragraph]:
    """Yield what to fill in, why it is not verified, and what was changed for which rule."""
    if blanks := review.rewrite.placeholders:
        text = one_line("、".join(blanks))
        yield Paragraph((Fragment("待填：", "label"), Fragment(text, "revise")), _INDENT, _INDENT + 6)
    yield from _why(review.rewrite)
    for change in changes(review):
        rules = Fragment(f" {'、'.join(map(one_line, change.rules))}", "dim")
        sides = (("－ ", change.before, "removed"), ("＋ ", change.after, "added"))
        for sign, text, role in sides:
            if text:
                parts = (Fragment(sign, role), Fragment(one_line(text), role), rules)
                yield Paragraph(parts, _INDENT, _INDENT + 3)


def _why(rewrite: RewriteOut) -> Iterator[Paragraph]:
    """Yield why the rewrite is not verified, or nothing when there is no more to say."""
    if reasons := _reasons(rewrite):
        yield Paragraph((Fragment("说明：", "label"), Fragment("；".join(reasons))), _INDENT, _INDENT + 6)


def _reasons(rewrite: RewriteOut) -> list[str]:
    reasons = []
    if rewrite.findings:
        rules = "、".join(f"{item.rule.id} {item.rule.title}" for item in rewrite.findings)
        reasons.append(f"仍违反 {rules}")
    if rewrite.changed_facts:
        reasons.append(f"事实有变：{'、'.join(rewrite.changed_facts)}")
    if rewrite.note:
        reasons.append(rewrite.note)
    return [one_line(reason) for reason in reasons]


def _tail(review: Review, notice: str) -> Iterator[Paragraph]:
    if review.not_assessed:
        yield _note(unassessed(review.not_assessed))
    yield _note(_coverage(review))
    for note in review.notes:
        yield _note(f"注意：{one_line(note)}")
    if notice:
        yield _note(f"提示：{one_line(notice)}")


def _note(text: str) -> Paragraph:
    return Paragraph((Fragment(text, "dim"),), hanging=_INDENT)


def unassessed(entries: Sequence[NotAssessedOut]) -> str:
    """Return one line that counts the rules without an answer and names them by reason, the gravest first.

    Of very many only the first are named; the JSON has all.
    """
    by_reason: dict[str, list[str]] = {}
    for entry in sorted(entries, key=lambda entry: SEVERITY_ORDER[entry.severity]):
        by_reason.setdefault(entry.why, []).append(entry.rule)
    reasons = "；".join(f"{one_line(why)}：{_named(rules)}" for why, rules in by_reason.items())
    return f"未审核 {len(entries)} 条（{_count(entry.severity for entry in entries)}）——{reasons}"


def _named(rules: Sequence[str]) -> str:
    more = f" 等 {len(rules)} 条" if len(rules) > _NAMED else ""
    return "、".join(rules[:_NAMED]) + more


def _coverage(review: Review) -> str:
    parts = [f"已审核 {len(review.assessed)} 条"]
    if review.not_applicable:
        parts.append(f"不适用 {len(review.not_applicable)} 条")
    if review.timing_ms:
        parts.append(_timing(review.timing_ms))
    return "，".join(parts)


def _timing(timing_ms: Mapping[str, float]) -> str:
    steps = {name: ms for name, ms in timing_ms.items() if name != "total"}
    total = timing_ms.get("total", sum(steps.values()))
    shown = [(name, ms) for name, ms in steps.items() if ms >= _SHOWN_MS]
    detail = "、".join(f"{_TIMINGS.get(name, one_line(name))} {ms / 1000:.2f}" for name, ms in shown)
    return f"用时 {total / 1000:.2f} 秒" + (f"（{detail}）" if detail else "")


def _count(severities: Iterable[Severity]) -> str:
    counts = Counter(severities)
    return "、".join(f"{SEVERITIES[name]}{counts[name]}" for name in SEVERITY_ORDER if counts[name])
