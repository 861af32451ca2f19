"""What the classifier reads: the situation, the conversation and the draft as token ids.

Training and reviewing both go through here, so that they cannot drift apart. Texts are folded
first: a word typed with blanks, traditional or full-width characters is the same word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from reviewer.classifier.views import views
from reviewer.folding import fold
from reviewer.types import Conversation

# The encoder has 512 positions. The context keeps what stands nearest to the draft.
MAX_CONTEXT, MAX_CUSTOMER, CUSTOMER_HEAD, MAX_DRAFT, OVERLAP = 170, 110, 30, 220, 60

# No token is longer than 16 characters: what lies further away than this cannot be kept.
_MAX_CHARS = 16 * MAX_CONTEXT

_STAGES = {"opening": "开场", "middle": "中段", "closing": "收尾", "unknown": "未知"}
_CHANNELS = {"online": "在线", "phone": "电话", "unknown": "未知"}
_IDENTITY = {True: "已核身", False: "未核身", None: "核身未知"}
_ROLES = {"customer": "客户", "agent": "坐席"}


class Token(Protocol):
    """A token id and the half-open offsets of the text it stands for."""

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def end(self) -> int: ...  # noqa: D102


class Tokenizer(Protocol):
    """Cuts a text into tokens; ``bos`` and ``eos`` begin and end what the encoder reads."""

    bos: int
    eos: int

    def pieces(self, text: str) -> Sequence[Token]:
        """Return the tokens of ``text``."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """One input of the encoder: all of the context, and the draft or a part of it.

    ``ids[draft_start + i]`` stands for ``draft[offsets[i][0]:offsets[i][1]]``.
    """

    ids: tuple[int, ...]
    draft_start: int
    offsets: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A window; of a part of the draft (``partial``) its logits are ``lowered``."""

    window: Window
    partial: bool = False
    lowered: float = 0.0


def readings(conversation: Conversation, tokenizer: Tokenizer) -> Iterator[Reading]:
    """Yield what a review reads: the whole draft first, then the parts that must not hide in it.

    What is too long for one window is read in several, which overlap by ``OVERLAP`` tokens so that no
    sentence is only seen in halves.
    """
    context = _context(conversation, tokenizer)
    tokens = _draft_tokens(conversation.draft, tokenizer)
    for part in _cut(tokens):
        yield Reading(_window(context, part, tokenizer))
    for view in views(conversation.draft):
        kept = [token for token in tokens if any(start <= token.at < end for start, end in view.kept)]
        for part in _cut(kept) if kept else ():
            yield Reading(_window(context, part, tokenizer), partial=True, lowered=view.lowered)


class _Placed(NamedTuple):
    """A token of the draft and the part of the original draft it stands for."""

    id: int
    start: int
    end: int

    @property
    def at(self) -> int:
        """Where it stands: the mark before a text stands for nothing and belongs to what follows."""
        return max(self.start, self.end - 1)


def _cut(tokens: Sequence[_Placed]) -> list[Sequence[_Placed]]:
    starts = range(0, max(1, len(tokens) - OVERLAP), MAX_DRAFT - OVERLAP)
    return [tokens[start : start + MAX_DRAFT] for start in starts]


def _draft_tokens(draft: str, tokenizer: Tokenizer) -> list[_Placed]:
    folded = fold(draft)
    if not folded.text.strip():  # nothing but invisible characters: read it as it is
        return [_Placed(token.id, token.start, token.end) for token in tokenizer.pieces(draft)]
    placed = []
    for token in tokenizer.pieces(folded.text):
        span = folded.span(token.start, token.end)
        placed.append(_Placed(token.id, span.start, span.end))
    return placed


def _window(context: Sequence[int], tokens: Sequence[_Placed], tokenizer: Tokenizer) -> Window:
    ids = (tokenizer.bos, *context, *(token.id for token in tokens), tokenizer.eos)
    return Window(ids, 1 + len(context), tuple((token.start, token.end) for token in tokens))


def _context(conversation: Conversation, tokenizer: Tokenizer) -> list[int]:
    situation = (
        f"query: {_STAGES[conversation.stage]}，{_CHANNELS[conversation.channel]}，"
        f"{_IDENTITY[conversation.identity_verified]}。"
    )
    turns = "".join(f"{_ROLES[turn.role]}：{turn.text}\n" for turn in conversation.history)[-_MAX_CHARS:]
    message = f"客户：{conversation.customer}\n"
    if len(message) > 2 * _MAX_CHARS:
        message = message[:_MAX_CHARS] + message[-_MAX_CHARS:]
    head = _ids(tokenizer, situation)
    customer = _ids(tokenizer, message)
    if len(customer) > MAX_CUSTOMER:
        # A customer says who he is first and what he wants last.
        customer = customer[:CUSTOMER_HEAD] + customer[CUSTOMER_HEAD - MAX_CUSTOMER :]
    room = MAX_CONTEXT - len(head) - len(customer)
    history = _ids(tokenizer, turns)[-room:]
    return [*head, *history, *customer, *_ids(tokenizer, "草稿：")]


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return [token.id for token in tokenizer.pieces(fold(text).text)]
