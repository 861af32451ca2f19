"""Asks the model for a reply that breaks none of the violated rules."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reviewer.deadline import Deadline
from reviewer.engine.protocol import Ended, Engine, Prompt
from reviewer.prompting.book import CLAUSE_MARKS, PromptBook, Violation

_MARKS = re.compile(f"[{CLAUSE_MARKS}]")
_LABEL = re.compile(r"^\s*(?:改写后?的?(?:回复|草稿)?|回复|坐席)\s*[:：]\s*")
# More would not fit beside the manual; the gravest come first.
_MAX_VIOLATIONS = 8
_QUOTES = (("“", "”"), ('"', '"'), ("「", "」"))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed reply; it is whole only when it ended by itself."""

    text: str
    ended: Ended


@dataclass(frozen=True, slots=True)
class Rewriter:
    """One engine, one set of prompts; ``max_tokens`` bounds a reply."""

    engine: Engine
    prompts: PromptBook
    max_tokens: int = 200

    def propose(
        self,
        prompt: Prompt,
        violations: Sequence[Violation],
        *,
        deadline: Deadline,
        on_text: Callable[[str], None] | None = None,
    ) -> Proposal:
        """Return the model's reply, cleaned of labels, quotation marks and clause numbers.

        Raises:
            EngineError: the engine failed.
        """

        def stream(_index: int, piece: str) -> None:
            if on_text is not None and (shown := _MARKS.sub("", piece)):
                on_text(shown)

        (answer,) = self.engine.generate(
            prompt,
            [self.prompts.rewrite(violations[:_MAX_VIOLATIONS])],
            max_tokens=self.max_tokens,
            stop=["\n\n"],
            deadline=deadline,
            on_text=stream if on_text is not None else None,
        )
        return Proposal(_clean(answer.text), answer.ended)


def _clean(text: str) -> str:
    text = _LABEL.sub("", _MARKS.sub("", text)).strip()
    for opening, closing in _QUOTES:
        inner = text[1:-1]
        if (
            text.startswith(opening)
            and text.endswith(closing)
            and opening not in inner
            and closing not in inner
        ):
            return inner.strip()
    return text
