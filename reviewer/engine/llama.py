"""The local engine: one llama.cpp context, one owner thread, one kept prefix, many forks.

The way of a request through the memory (design, section 5): the system turn is decoded once into
sequence 0 and kept on disk; the user's turn is appended to it; every question is a fork of
sequence 0 that shares its cells; all forks of a group are decoded in one batch.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

from reviewer.deadline import Deadline
from reviewer.engine.chat import chat_format
from reviewer.engine.library import DecodeContext, LoadedModel, TokenAt, library_build
from reviewer.engine.prefix_cache import PrefixCache
from reviewer.engine.protocol import EngineIdentity, Generation, OnText, Prompt, Tail
from reviewer.engine.writer import Writer
from reviewer.errors import EngineClosedError, TextTooLongError

_T = TypeVar("_T")
_SEQUENCES = 64
_BATCH = 2048
# One group of questions is one physical batch of llama.cpp: larger ones are not faster, and a
# deadline loses at most one group. The first is small, so that the gravest rules are answered soon.
_GROUP_TOKENS = 512
_FIRST_GROUP_TOKENS = 64


@dataclass(frozen=True, slots=True)
class LlamaConfig:
    """What an engine is made of.

    ``model_hash`` and ``adapter_hash`` are SHA-256 of the files; ``cache`` is the folder for saved
    prefixes, None to keep nothing.
    """

    model: Path
    model_hash: str
    adapter: Path | None = None
    adapter_hash: str = ""
    cache: Path | None = None
    n_ctx: int = 8192
    n_threads: int = 2

    @property
    def identity(self) -> EngineIdentity:
        """Hashes of model, adapter and llama.cpp build, known without loading."""
        return EngineIdentity(self.model_hash, self.adapter_hash, library_build())


class LlamaEngine:
    """A quantized model on this machine's processor. Implements ``Engine``.

    One caller at a time: every call runs on the one owner thread while the caller waits, so that
    Ctrl-C in the caller can abort the work in progress.
    """

    def __init__(self, config: LlamaConfig) -> None:
        """Load the model (about a second).

        Raises:
            ModelCorruptError: the model or adapter cannot be read.
            EngineError: no memory for the context.
        """
        self._config = config
        self._cancelled = threading.Event()
        self._deadline = Deadline()
        self._owner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reviewer-engine")
        self._closed = False
        self._prefix: list[int] = []
        self._resident: list[int] = []  # tokens in sequence 0 after the prefix
        try:
            self._on_owner(self._load)
        except BaseException:
            self._owner.submit(self._free).result()
            self._owner.shutdown()
            raise

    @property
    def identity(self) -> EngineIdentity:
        """Hashes of model, adapter and llama.cpp build."""
        return self._config.identity

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of plain ``text``."""
        return self._on_owner(lambda: len(self._model.tokenize(text)))

    def score(
        self, prompt: Prompt, tails: Sequence[Tail], choices: Sequence[str], *, deadline: Deadline
    ) -> tuple[tuple[float, ...] | None, ...]:
        """See ``Engine.score``; about 8-10 ms a token of tail on two cores with the 0.5B model."""

        def work() -> tuple[tuple[float, ...] | None, ...]:
            with self._clean_on_error():
                return self._score(prompt, tails, choices, deadline)

        return self._on_owner(work)

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
        pieces: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()

        def work() -> tuple[Generation, ...]:
            try:
                with self._clean_on_error():
                    return self._generate(prompt, tails, max_tokens, stop, deadline, pieces)
            finally:
                pieces.put(None)

        future = self._submit(work)
        try:
            while on_text is not None and (piece := pieces.get()) is not None:
                on_text(*piece)
        except BaseException:
            self._abandon(future)
            raise
        return self._result(future)

    def has_prefix(self, system: str) -> bool:
        """Whether ``system`` is on disk already, so that ``warm`` will be quick."""

        def look() -> bool:
            tokens = self._chat.prefix(self._model, system)
            return tokens == self._prefix or bool(self._cache and self._cache.path(tokens).exists())

        return self._on_owner(look)

    def warm(self, system: str) -> bool:
        """Make ``system`` resident; True when it came from disk rather than being decoded."""
        return self._on_owner(lambda: self._ensure_prefix(system))

    def close(self) -> None:
        """Abort what runs, free everything, end the owner thread."""
        if self._closed:
            return
        self._closed = True
        self._cancelled.set()
        self._owner.submit(self._free).result()
        self._owner.shutdown()

    def __enter__(self) -> "LlamaEngine":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # The owner thread's queue

    def _submit(self, work: Callable[[], _T]) -> "Future[_T]":
        if self._closed:
            raise EngineClosedError("模型引擎已关闭。")
        return self._owner.submit(work)

    def _on_owner(self, work: Callable[[], _T]) -> _T:
        return self._result(self._submit(work))

    def _result(self, future: "Future[_T]") -> _T:
        try:
            return future.result()
        except KeyboardInterrupt:
            self._abandon(future)
            raise

    def _abandon(self, future: "Future[_T]") -> None:
        """Let the owner thread drop ``future``'s work and wait until it has."""
        self._cancelled.set()
        future.exception()
        self._cancelled.clear()

    # Below: on the owner thread only

    def _load(self) -> None:
        config = self._config
        self._model = LoadedModel(config.model)
        self._context = DecodeContext(
            self._model,
            n_ctx=config.n_ctx,
            n_batch=min(_BATCH, config.n_ctx),
            n_sequences=_SEQUENCES,
            n_threads=config.n_threads,
            should_abort=lambda: self._cancelled.is_set() or self._deadline.expired,
        )
        if config.adapter is not None:
            self._context.load_adapter(config.adapter)
        self._chat = chat_format(lambda text: self._model.tokenize(text, special=True))
        self._cache = config.cache and PrefixCache(config.cache, config.model_hash, library_build())

    def _free(self) -> None:
        # Loading may have failed half-way: free what there is.
        for name in ("_context", "_model"):
            with suppress(AttributeError):
                getattr(self, name).close()

    def _decode(self, items: Sequence[TokenAt]) -> bool:
        """Decode ``items`` in batches; False when it was aborted."""
        size = self._context.n_batch
        for start in range(0, len(items), size):
            if self._cancelled.is_set() or self._deadline.expired:
                return False
            if not self._context.decode(items[start : start + size]):
                return False
        return True

    def _reset(self) -> None:
        """Return to the bare prefix after an abort or error: the memory holds part of a batch."""
        self._drop_forks(_SEQUENCES - 1)
        self._context.truncate(0, len(self._prefix))
        self._resident = []

    @contextmanager
    def _clean_on_error(self) -> Iterator[None]:
        """Leave the memory usable for the next request whatever happens in the block."""
        try:
            yield
        except BaseException:
            self._reset()
            raise

    def _ensure_prefix(self, system: str) -> bool:
        """Make ``system`` resident, whatever the deadline: without it nothing can ever be answered."""
        tokens = self._chat.prefix(self._model, system)
        if tokens == self._prefix:
            return True
        self._require_room(len(tokens))
        self._prefix, self._resident = [], []
        self._context.clear()
        if self._cache and self._cache.load(
            tokens, lambda path: self._context.load_sequence(path, 0, tokens)
        ):
            self._prefix = tokens
            return True
        self._context.clear()
        self._deadline = Deadline()
        if not self._decode([TokenAt(token, i, 0) for i, token in enumerate(tokens)]):
            self._context.clear()
            raise EngineClosedError("已中断：手册还没有读入模型。")
        self._prefix = tokens
        if self._cache:
            self._cache.save(tokens, lambda path: self._context.save_sequence(path, 0, tokens))
        return False

    def _require_room(self, n_tokens: int) -> None:
        if n_tokens > self._config.n_ctx:
            raise TextTooLongError(
                f"内容约需 {n_tokens} 个词元，超出模型上下文（{self._config.n_ctx}）；请缩短内容。"
            )

    def _ensure_context(
        self, prompt: Prompt, shared: Sequence[int], deadline: Deadline, *, reserve: int
    ) -> bool:
        """Make sequence 0 hold the prefix, the user's text and ``shared``; False when time ran out.

        ``reserve`` is how many cells the forks will need.
        """
        self._ensure_prefix(prompt.system)
        tokens = [*self._model.tokenize(prompt.user), *shared]
        start = len(self._prefix)
        self._require_room(start + len(tokens) + reserve)
        pairs = zip(tokens, self._resident, strict=False)
        common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        self._context.truncate(0, start + common)
        self._resident = tokens[:common]
        self._deadline = deadline
        with self._context.adapter_on():
            fresh = [TokenAt(token, start + i, 0) for i, token in enumerate(tokens) if i >= common]
            if not self._decode(fresh):
                self._reset()
                return False
        self._resident = tokens
        return True

    def _score(
        self, prompt: Prompt, tails: Sequence[Tail], choices: Sequence[str], deadline: Deadline
    ) -> tuple[tuple[float, ...] | None, ...]:
        begun, last = self._split_choices(choices)
        scores: list[tuple[float, ...] | None] = [None] * len(tails)
        shared, tokens = _split_shared([[*self._chat.tail(self._model, tail), *begun] for tail in tails])
        reserve = max((len(row) for row in tokens), default=0) + _GROUP_TOKENS
        if not tails or not self._ensure_context(prompt, shared, deadline, reserve=reserve):
            return tuple(scores)
        for group in _groups([len(row) for row in tokens]):
            with self._context.adapter_on():
                ends = self._decode_forks([tokens[i] for i in group])
            if ends is None:
                self._reset()
                break
            for index, end in zip(group, ends, strict=True):
                scores[index] = tuple(float(value) for value in self._context.logits(end)[last])
            self._drop_forks(len(group))
        return tuple(scores)

    def _split_choices(self, choices: Sequence[str]) -> tuple[list[int], list[int]]:
        rows = [self._model.tokenize(choice) for choice in choices]
        if len({tuple(row[:-1]) for row in rows}) != 1 or not all(rows):
            raise ValueError(f"choices must differ in their last token only: {choices}")
        return rows[0][:-1], [row[-1] for row in rows]

    def _decode_forks(self, rows: Sequence[Sequence[int]]) -> list[int] | None:
        """Fork sequence 0 once a row and decode all; return the item indices of the rows' ends."""
        items: list[TokenAt] = []
        ends: list[int] = []
        start = len(self._prefix) + len(self._resident)
        for sequence, row in enumerate(rows, start=1):
            self._context.fork(0, sequence)
            items += [
                TokenAt(token, start + i, sequence, logits=i == len(row) - 1) for i, token in enumerate(row)
            ]
            ends.append(len(items) - 1)
        return ends if self._decode(items) else None

    def _drop_forks(self, count: int) -> None:
        for sequence in range(1, count + 1):
            self._context.truncate(sequence, -1)

    def _generate(
        self,
        prompt: Prompt,
        tails: Sequence[Tail],
        max_tokens: int,
        stop: Sequence[str],
        deadline: Deadline,
        pieces: "queue.SimpleQueue[tuple[int, str] | None]",
    ) -> tuple[Generation, ...]:
        shared, rows = _split_shared([self._chat.tail(self._model, tail) for tail in tails])
        if len(tails) >= _SEQUENCES:
            raise ValueError(f"at most {_SEQUENCES - 1} generations at once, not {len(tails)}")
        reserve = sum(len(row) + max_tokens for row in rows)
        if not tails or not self._ensure_context(prompt, shared, deadline, reserve=reserve):
            return tuple(Generation("", "deadline") for _ in tails)
        writers = [Writer(stop, max_tokens) for _ in rows]
        with self._context.adapter_on():
            ends = self._decode_forks(rows)
            lengths = [len(row) for row in rows]
            while ends is not None:
                items = self._next_tokens(writers, ends, lengths, pieces)
                if not items:
                    break
                ends = list(range(len(items))) if self._decode(items) else None
        if ends is None:
            self._reset()
        else:
            self._drop_forks(len(rows))
        return tuple(writer.generation() for writer in writers)

    def _next_tokens(
        self,
        writers: Sequence[Writer],
        ends: Sequence[int],
        lengths: list[int],
        pieces: "queue.SimpleQueue[tuple[int, str] | None]",
    ) -> list[TokenAt]:
        """Take the likeliest next token of every unfinished writer; return what to decode next."""
        start = len(self._prefix) + len(self._resident)
        active = [i for i, writer in enumerate(writers) if writer.ended is None]
        items: list[TokenAt] = []
        for index, end in zip(active, ends, strict=True):
            token = int(self._context.logits(end).argmax())
            text = writers[index].add(self._model.piece(token), last=self._model.ends_generation(token))
            if text:
                pieces.put((index, text))
            if writers[index].ended is None:
                items.append(TokenAt(token, start + lengths[index], index + 1, logits=True))
                lengths[index] += 1
        return items


def _split_shared(rows: Sequence[list[int]]) -> tuple[list[int], list[list[int]]]:
    """Split what all rows begin with from the rest, which keeps at least one token a row."""
    if not rows:
        return [], []
    room = min(len(row) for row in rows) - 1
    columns = zip(*(row[:room] for row in rows), strict=True)
    size = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
    return rows[0][:size], [row[size:] for row in rows]


def _groups(sizes: Sequence[int]) -> list[list[int]]:
    """Cut indices into runs that fit a batch, the first one small, and one sequence fewer than all."""
    groups: list[list[int]] = []
    room = 0
    for index, size in enumerate(sizes):
        if not groups or size > room or len(groups[-1]) >= _SEQUENCES - 1:
            groups.append([])
            room = _GROUP_TOKENS if len(groups) > 1 else _FIRST_GROUP_TOKENS
        groups[-1].append(index)
        room -= size
    return groups
