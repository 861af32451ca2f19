"""How a phrase is meant: said by the agent, or negated, quoted, reported, warned against.

Everything here works on folded text (see :mod:`reviewer.folding`): commas and question marks are
half-width there.
"""

import re

_SENTENCE_END = "。!?;\n"
_CLAUSE_END = _SENTENCE_END + ",~、"
_REACH = 120
_QUOTES = (("“", "”"), ("‘", "’"), ("「", "」"), ("『", "』"), ("《", "》"), ("【", "】"))

_NEGATION = re.compile(
    r"不(?!用|必|如|过|仅|但|止|好意思|是我)|别(?!人|的|家|处)|勿|没|未|无法|莫|拒绝|禁|避免|杜绝|防止|谨防|切忌"
)
_REPORT = re.compile(
    r"说|骂|讲|喊|吼|声?称|反映|反馈|提到|提及|所谓|写[着了道]|表示|形容|举报|投诉(?!我|去)|师傅|骑手|司机|商家|卖家"
    r"|店员|快递员|配送员|对方|他们?(?=让|叫|要|对)|她们?(?=让|叫|要|对)|有人|任何人|陌生人|若|如果|如遇|要是|凡是|一旦"
)
_WARNING = re.compile(
    r"诈骗|骗子|骗局|行骗|被骗|受骗|上当|冒充|假冒|谨防|警惕|当心|违规|违反|违法|禁止|严禁|不允许|不得|举报|切勿|请勿"
)


def sentence_bounds(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the bounds of the sentence or sentences around ``[start, end)``."""
    return _bounds(text, start, end, _SENTENCE_END)


def clause_bounds(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the bounds of the comma clause or clauses around ``[start, end)``."""
    return _bounds(text, start, end, _CLAUSE_END)


def _bounds(text: str, start: int, end: int, enders: str) -> tuple[int, int]:
    # A draft without punctuation is one long clause; the words that change a phrase stand near it.
    back, ahead = max(0, start - _REACH), min(len(text), end + _REACH)
    first = max(back, *(text.rfind(mark, back, start) + 1 for mark in enders))
    ends = [at for mark in enders if (at := text.find(mark, end, ahead)) >= 0]
    return first, min(ends, default=ahead)


def quoted(text: str, start: int, end: int) -> bool:
    """Whether ``[start, end)`` stands between quotation marks, so that it is somebody's words or a name."""
    for opening, closing in _QUOTES:
        opened = text.rfind(opening, 0, start + 1)
        if opened >= 0 and text.find(closing, opened, start) < 0 and text.find(closing, end - 1) >= 0:
            return True
    line = text.rfind("\n", 0, start) + 1
    return text.count('"', line, start) % 2 == 1 and '"' in text[end - 1 :].partition("\n")[0]


def negated(text: str, start: int) -> bool:
    """Whether a negation stands before ``start`` in the same clause."""
    first, _ = clause_bounds(text, start, start)
    return _NEGATION.search(text, first, start) is not None


def reported(text: str, start: int) -> bool:
    """Whether the clause before ``start`` tells what somebody else says or does, or supposes it."""
    first, _ = clause_bounds(text, start, start)
    return _REPORT.search(text, first, start) is not None


def warned(text: str, start: int, end: int) -> bool:
    """Whether the sentence around ``[start, end)`` warns of fraud or names a breach."""
    first, last = sentence_bounds(text, start, end)
    return _WARNING.search(text, first, last) is not None


def own_words(text: str, start: int, end: int) -> bool:
    """Whether the agent says ``[start, end)`` in earnest: not negated, quoted, reported or warned against."""
    return not (
        quoted(text, start, end) or negated(text, start) or reported(text, start) or warned(text, start, end)
    )
