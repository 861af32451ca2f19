"""Keeps decoded prefixes on disk, so that a new process does not decode the manual again."""

import contextlib
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reviewer.errors import StorageError
from reviewer.files import atomic_path

_LOG = logging.getLogger(__name__)
_KEEP = 8


@dataclass(frozen=True, slots=True)
class PrefixCache:
    """A folder of saved states, keyed by model, library build and tokens.

    A state whose bytes do not match the SHA-256 beside it is dropped and made again: llama.cpp
    itself would load damaged keys and values without a word.
    """

    folder: Path
    model: str
    library: str

    def path(self, tokens: Sequence[int]) -> Path:
        """Return the file for ``tokens``."""
        key = hashlib.sha256(f"{self.model}|{self.library}|{list(tokens)}".encode()).hexdigest()[:24]
        return self.folder / f"{key}.state"

    def load(self, tokens: Sequence[int], restore: Callable[[Path], bool]) -> bool:
        """Restore the state of ``tokens`` through ``restore``; False when there is none that is whole."""
        path = self.path(tokens)
        try:
            recorded = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["sha256"]
            intact = _sha256(path) == recorded
        except (OSError, ValueError, KeyError, TypeError):
            return False
        if intact and restore(path):
            return True
        _LOG.warning("前缀缓存 %s 已损坏，将重新计算。", path.name)
        return False

    def save(self, tokens: Sequence[int], write: Callable[[Path], bool]) -> None:
        """Store the state of ``tokens`` as ``write`` puts it into a file.

        A cache that cannot be written costs time, not correctness: it is logged and passed over.
        """
        path = self.path(tokens)
        try:
            with atomic_path(path) as temporary:
                if not write(temporary):
                    raise StorageError(f"llama.cpp 没能写出 {path.name}，多半是磁盘已满")
                digest = _sha256(temporary)
            with atomic_path(path.with_suffix(".json")) as temporary:
                temporary.write_text(json.dumps({"sha256": digest, "tokens": len(tokens)}), encoding="utf-8")
            self._prune()
        except StorageError as cause:
            _LOG.warning("前缀缓存未能写入：%s", cause)

    def _prune(self) -> None:
        # Another process may prune at the same time.
        with contextlib.suppress(OSError):
            states = sorted(self.folder.glob("*.state"), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in states[_KEEP:]:
                path.unlink(missing_ok=True)
                path.with_suffix(".json").unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
