"""How a system text, a user text and an answer become tokens: chat control tokens live here only.

User text is tokenised without control tokens, so a draft that contains ``<|im_end|>`` stays text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from reviewer.engine.protocol import Tail


class Tokenizer(Protocol):
    """The part of a model that turns text into token ids."""

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """Return the ids of ``text``, reading control tokens only when ``special``."""
        ...


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """The control text around the turns of one conversation."""

    system_open: str
    user_open: str
    answer_open: str

    def prefix(self, tokenizer: Tokenizer, system: str) -> list[int]:
        """Return the tokens of the system turn up to the place where the user's text begins."""
        return [
            *tokenizer.tokenize(self.system_open, special=True),
            *tokenizer.tokenize(system),
            *tokenizer.tokenize(self.user_open, special=True),
        ]

    def tail(self, tokenizer: Tokenizer, tail: Tail) -> list[int]:
        """Return the tokens that end the user's turn and begin the answer."""
        return [
            *tokenizer.tokenize(tail.question),
            *tokenizer.tokenize(self.answer_open, special=True),
            *tokenizer.tokenize(tail.answer),
        ]


CHATML = ChatFormat(
    system_open="<|im_start|>system\n",
    user_open="<|im_end|>\n<|im_start|>user\n",
    answer_open="<|im_end|>\n<|im_start|>assistant\n",
)
PLAIN = ChatFormat(system_open="", user_open="\n\n### 审核\n", answer_open="\n### 回答\n")


def chat_format(tokenize_special: Callable[[str], list[int]]) -> ChatFormat:
    """Return ChatML when the vocabulary knows its control tokens, else plain headings."""
    return CHATML if len(tokenize_special("<|im_start|>")) == 1 else PLAIN
