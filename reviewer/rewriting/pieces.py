"""A draft as pieces that can be left out, changed and added, and the reply that they make.

A piece is a clause, or a part of one between blanks: chat is often written without punctuation.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reviewer.clauses import split_clauses
from reviewer.types import Span

_BLANK = re.compile(r"(?<=[^\x00-\x7f])[ \u3000]+(?=\S)|(?<=\S)[ \u3000]+(?=[^\x00-\x7f])")
_ENDERS = "。！？!?…～~"
_JOINERS = "，,、；;：:"
_CLOSERS = "”’」』）)】》"
_TRAILING = re.compile(rf"[{_ENDERS}{_JOINERS}\s]+$")
_GREETING = (
    r"[您你]们?好[呀啊哦]?|早上好|上午好|中午好|下午好|晚上好|喂?您好|(?:感谢|谢谢)您?的?(?:来电|致电|咨询|联系).{0,2}"
    r"|(?:您好)?(?:这里|这边)是.{1,16}|我是.{0,10}客服.{0,8}|(?:很?高兴|乐意)为您服务|[\w\[\]]{1,12}(?:号客服)?为您服务"
)
_LEAD = re.compile(
    rf"{_GREETING}|好的?[呀哦呢哈]?|行|嗯+|哦+|在的|亲|是的|(?:您好)?[\u4e00-\u9fff]{{0,2}}(?:先生|女士|小姐|师傅|老师|阿姨|大爷)(?:您好)?"
)
_GREETS = re.compile(_GREETING)
_LEAVE = re.compile(
    r".*(?:感谢您?的?(?:来电|致电|咨询|支持|理解|联系)|谢谢您?的?(?:来电|咨询|支持|理解)|再见|拜拜|祝您|生活愉快|还有(?:其他|什么|别的)"
    r"|欢迎.{0,6}(?:联系|来电|咨询)|有需要.{0,6}(?:联系|找我|告诉)).*"
)
_SENTENCE_END = re.compile(r"[。！？!?…～~][”’」』）)】》\s]*$")
_SORRY = re.compile(r"抱歉|对不起|不好意思|遗憾")
_FEELING = re.compile(rf"{_SORRY.pattern}|理解|着急|辛苦")
_LEADING_SORRY = re.compile(r"^(?:很|非常|实在)?抱歉，")
_LEADING_GREETING = re.compile(r"^您好，")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a reply: ``gap`` is the blank before it.

    ``span`` is where it stands in the draft, None for what a rule put in. ``rule`` is why it is new or
    changed, empty for what is as it was. ``torn`` when what followed in the draft has been left out.
    """

    text: str
    gap: str = ""
    span: Span | None = None
    rule: str = ""
    torn: bool = False

    @property
    def words(self) -> str:
        """The text without the punctuation that ends it."""
        return _TRAILING.sub("", self.text)

    @property
    def greets(self) -> bool:
        """Whether it only greets or says who is speaking."""
        return _GREETS.fullmatch(self.words) is not None

    @property
    def leads(self) -> bool:
        """Whether it opens a reply without saying anything yet: a greeting, a name, 好的."""
        return _LEAD.fullmatch(self.words) is not None

    @property
    def takes_leave(self) -> bool:
        """Whether it belongs at the end: thanks, farewell, the offer of more help."""
        return _LEAVE.fullmatch(self.words) is not None

    @property
    def has_feeling(self) -> bool:
        """Whether it apologises or shows that the customer is understood."""
        return _FEELING.search(self.text) is not None

    @property
    def ends_sentence(self) -> bool:
        """Whether a sentence ends with it."""
        return _SENTENCE_END.search(self.text) is not None


@dataclass(frozen=True, slots=True)
class Joined:
    """A reply and where its pieces stand in it, in order."""

    text: str
    places: tuple[tuple[Span, Piece], ...]


def cut(draft: str) -> tuple[Piece, ...]:
    """Return the pieces of ``draft`` in order; empty for a blank draft.

    Gaps and texts together are the draft, but for blanks at its end.
    """
    pieces: list[Piece] = []
    end = 0
    for clause in split_clauses(draft, limit=max(1, len(draft))):
        for start, stop in _parts(clause.span):
            span = Span(start, stop, draft[start:stop])
            pieces.append(Piece(span.text, draft[end:start], span))
            end = stop
    return tuple(pieces)


def _parts(span: Span) -> list[tuple[int, int]]:
    """Cut at blanks between Chinese words; what has no word stays with the part before it."""
    bounds: list[tuple[int, int]] = []
    start = 0
    cuts = [match.span() for match in _BLANK.finditer(span.text)] + [(len(span.text), len(span.text))]
    for stop, after in cuts:
        if bounds and not any(char.isalnum() for char in span.text[start:stop]):
            bounds[-1] = (bounds[-1][0], stop)
        else:
            bounds.append((start, stop))
        start = after
    return [(span.start + first, span.start + last) for first, last in bounds]


def join(pieces: Sequence[Piece]) -> Joined:
    """Return the reply: sentences end where something new follows, nobody greets or is sorry twice."""
    told: list[Piece] = []
    sorry = greeted = False
    for piece in pieces:
        text = piece.text
        if piece.span is None:
            text = _LEADING_SORRY.sub("", text) if sorry else text
            text = _LEADING_GREETING.sub("", text) if greeted else text
        sorry = sorry or _SORRY.search(text) is not None
        greeted = greeted or piece.greets or text.startswith("您好")
        told.append(replace(piece, text=text))
    text = ""
    places = []
    for number, piece in enumerate(told):
        following = told[number + 1] if number + 1 < len(told) else None
        after_new = number > 0 and told[number - 1].span is None and "\n" not in piece.gap
        gap = "" if after_new else piece.gap if text else piece.gap.lstrip()
        shown = _ended(piece, following)
        start = len(text) + len(gap)
        text += gap + shown
        places.append((Span(start, len(text), shown), piece))
    return Joined(text, tuple(places))


def _ended(piece: Piece, following: Piece | None) -> str:
    """Return the text of ``piece`` with the punctuation that what follows needs."""
    text = piece.text
    if following is not None and following.span is None and "\n" not in following.gap:
        return text if text[-1:] in _JOINERS and piece.leads else _close(text, "，" if piece.leads else "。")
    breaks = following is None or "\n" in following.gap
    return _close(text, "。") if piece.torn and breaks and text[-1:] in _JOINERS else text


def _close(text: str, mark: str) -> str:
    if text[-1:] in _JOINERS:
        return text[:-1] + mark
    return text + mark if text[-1:].isalnum() or text[-1:] in _CLOSERS else text
