"""An engine that is loaded when it is first asked: a check that needs no rewrite never pays for it."""

import threading
from collections.abc import Callable, Sequence

from reviewer.deadline import Deadline
from reviewer.engine.protocol import Engine, EngineIdentity, Generation, OnText, Prompt, Tail
from reviewer.errors import EngineClosedError


class LazyEngine:
    """Opens the real engine on first use. Implements ``Engine``."""

    def __init__(self, identity: EngineIdentity, load: Callable[[], Engine]) -> None:
        """Keep how to load; nothing is loaded yet.

        Args:
            identity: What the loaded engine's identity will be.
            load: Called once; its errors reach whoever asked first.
        """
        self._identity = identity
        self._load = load
        self._loaded: Engine | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def identity(self) -> EngineIdentity:
        """What decides the answers, known without loading."""
        return self._identity

    def count_tokens(self, text: str) -> int:
        """See ``Engine.count_tokens``."""
        return self._engine().count_tokens(text)

    def score(
        self, prompt: Prompt, tails: Sequence[Tail], choices: Sequence[str], *, deadline: Deadline
    ) -> tuple[tuple[float, ...] | None, ...]:
        """See ``Engine.score``."""
        return self._engine().score(prompt, tails, choices, deadline=deadline)

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
        """See ``Engine.generate``."""
        return self._engine().generate(
            prompt, tails, max_tokens=max_tokens, stop=stop, deadline=deadline, on_text=on_text
        )

    def close(self) -> None:
        """Close what was loaded, if anything was."""
        with self._lock:
            self._closed = True
            if self._loaded is not None:
                self._loaded.close()

    def _engine(self) -> Engine:
        with self._lock:
            if self._closed:
                raise EngineClosedError("模型引擎已关闭。")
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded
