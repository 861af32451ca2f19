"""Collects the bytes of a generation; shows only what is certain to stay."""

from collections.abc import Sequence
from typing import Literal

from reviewer.engine.protocol import Generation


class Writer:
    """Collects the bytes of one generation; ends at a stop text or after ``max_tokens``."""

    def __init__(self, stop: Sequence[str], max_tokens: int) -> None:
        self._stop = [text.encode() for text in stop]
        self._room = max_tokens
        self._bytes = b""
        self._shown = 0
        self.ended: Literal["end", "stop", "length"] | None = None

    def add(self, piece: bytes, *, last: bool) -> str:
        """Append ``piece``; return the text that is now certain to belong to the result."""
        self._bytes += piece
        self._room -= 1
        found = [at for at in (self._bytes.find(text) for text in self._stop) if at >= 0]
        if found:
            self._bytes = self._bytes[: min(found)]
        if found:
            self.ended = "stop"
        elif last:
            self.ended = "end"
        elif self._room <= 0:
            self.ended = "length"
        return self._settled()

    def _settled(self) -> str:
        # Hold back what may become a stop text, and the bytes of an unfinished character.
        end = len(self._bytes)
        if self.ended is None:
            held = [
                size
                for text in self._stop
                for size in range(1, len(text))
                if self._bytes.endswith(text[:size])
            ]
            end -= max(held, default=0)
        text = self._bytes[:end].decode("utf-8", "ignore")
        new, self._shown = text[self._shown :], max(self._shown, len(text))
        return new

    def generation(self) -> Generation:
        """Return the text so far; "deadline" when it was cut short."""
        return Generation(self._bytes.decode("utf-8", "ignore"), self.ended or "deadline")
