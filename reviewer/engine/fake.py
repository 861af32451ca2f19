"""A scripted engine for tests: no model, same interface."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from reviewer.deadline import Deadline
from reviewer.engine.protocol import EngineIdentity, Generation, OnText, Prompt, Tail
from reviewer.errors import EngineClosedError


@dataclass
class FakeEngine:
    """Answers by two functions and records what it was asked.

    ``logits(prompt, tail, choice)`` is the logit of a choice; ``text(prompt, tail)`` the generation.
    With ``answer_only`` set, that many tails of each ``score`` are answered, as at a deadline.
    """

    logits: Callable[[Prompt, Tail, str], float] = lambda _prompt, _tail, _choice: 0.0
    text: Callable[[Prompt, Tail], str] = lambda _prompt, _tail: ""
    answer_only: int | None = None
    scored: list[tuple[Prompt, Tail]] = field(default_factory=list)
    generated: list[tuple[Prompt, Tail]] = field(default_factory=list)
    closed: bool = False

    @property
    def identity(self) -> EngineIdentity:
        """Constant hashes."""
        return EngineIdentity("0" * 64, "", "fake")

    def count_tokens(self, text: str) -> int:
        """One token a character."""
        return len(text)

    def score(
        self, prompt: Prompt, tails: Sequence[Tail], choices: Sequence[str], *, deadline: Deadline
    ) -> tuple[tuple[float, ...] | None, ...]:
        """Answer from the script, up to ``answer_only`` tails."""
        self._check_open()
        room = 0 if deadline.expired else len(tails) if self.answer_only is None else self.answer_only
        self.scored += [(prompt, tail) for tail in tails[:room]]
        return tuple(
            tuple(self.logits(prompt, tail, choice) for choice in choices) if i < room else None
            for i, tail in enumerate(tails)
        )

    def generate(
        self,
        prompt: Prompt,
        tails: Sequence[Tail],
        *,
        max_tokens: int,
        stop: Sequence[str],
        deadline: Deadline,
        on_text: OnText | None = None,
    ) -> tuple[Generation, ...]:
        """Return the scripted texts, a character a token."""
        self._check_open()
        self.generated += [(prompt, tail) for tail in tails]
        results = []
        for i, tail in enumerate(tails):
            text = "" if deadline.expired else self.text(prompt, tail)[:max_tokens]
            ended: Literal["end", "stop", "deadline"] = "deadline" if deadline.expired else "end"
            for mark in stop:
                if mark in text:
                    text, ended = text.split(mark)[0], "stop"
            if on_text is not None:
                for character in text:
                    on_text(i, character)
            results.append(Generation(text, ended))
        return tuple(results)

    def close(self) -> None:
        """Refuse later calls."""
        self.closed = True

    def _check_open(self) -> None:
        if self.closed:
            raise EngineClosedError("模型引擎已关闭。")
