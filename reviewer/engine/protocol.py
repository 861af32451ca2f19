"""What the rest of the program asks of a language model, local or remote."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from reviewer.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Prompt:
    """The two parts that all questions of a request share.

    ``system`` is the same for every request, so that an engine may keep its state; ``user`` is the
    beginning of the user's turn. Both are plain text: chat control tokens are the engine's affair,
    and text that looks like one is never read as one.
    """

    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Tail:
    """What one fork appends: the end of the user's turn and the beginning of the answer."""

    question: str
    answer: str = ""


Ended = Literal["end", "stop", "length", "deadline"]


@dataclass(frozen=True, slots=True)
class Generation:
    """Generated text and why it ended.

    ``end``: the model ended its turn. ``stop``: a stop text came, so more may have followed.
    """

    text: str
    ended: Ended


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """Content hashes of what decides an engine's answers; ``adapter`` is empty without one."""

    model: str
    adapter: str
    library: str


OnText = Callable[[int, str], None]


class Engine(Protocol):
    """One language model. Not to be shared between threads unless an implementation says so."""

    @property
    def identity(self) -> EngineIdentity:
        """What decides the answers."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of plain ``text``."""
        ...

    def score(
        self, prompt: Prompt, tails: Sequence[Tail], choices: Sequence[str], *, deadline: Deadline
    ) -> tuple[tuple[float, ...] | None, ...]:
        """Score every choice as the continuation of every tail.

        Args:
            prompt: What the tails share.
            tails: Asked in this order; at the deadline the rest is left out.
            choices: At least two texts that differ only in their last token.
            deadline: When to stop.

        Returns:
            For each tail the logits of the choices in order, or None where time ran out.

        Raises:
            EngineError: the prompt does not fit, or the engine failed.
        """
        ...

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
        """Continue every tail greedily, all in step.

        Args:
            prompt: What the tails share.
            tails: At least one.
            max_tokens: Bound on the tokens generated for each.
            stop: Texts that end a generation; they are not part of the result.
            deadline: When to stop; what is there by then is returned.
            on_text: Called on the caller's thread with (tail index, new text).

        Returns:
            One generation a tail, in order.

        Raises:
            EngineError: the prompt does not fit, or the engine failed.
        """
        ...

    def close(self) -> None:
        """Free everything; later calls raise EngineClosedError. May be called twice."""
        ...
