"""Passages of an index too large to be held as objects: lines of a mapped file, read when asked for."""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, overload

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from reviewer.errors import IndexMismatchError
from reviewer.index.chunks import Passage

LINES_FILE = "passages.jsonl"
STARTS_FILE = "passages.starts.npy"

_PASSAGE = TypeAdapter(Passage)
_COLUMNS = ("rule", "checkable", "owner", "rules")


@dataclass(frozen=True, slots=True)
class Columns:
    """What ranking needs to know of passages, without the passages.

    ``rule`` is the number of each passage's rule or -1, ``checkable`` as there, both of shape [passages];
    ``owner`` is the passage of each vector, shape [vectors]; ``rules`` the ids by number, in the order of
    their first passage.
    """

    rule: npt.NDArray[np.int32]
    checkable: npt.NDArray[np.bool_]
    owner: npt.NDArray[np.int32]
    rules: npt.NDArray[np.str_]

    @classmethod
    def of(cls, passages: Sequence[Passage]) -> Self:
        """Read them off ``passages``."""
        numbers: dict[str | None, int] = {}
        for passage in passages:
            if passage.rule_id is not None:
                numbers.setdefault(passage.rule_id, len(numbers))
        n_vectors = [len(passage.embedded) for passage in passages]
        return cls(
            rule=np.array([numbers.get(passage.rule_id, -1) for passage in passages], dtype=np.int32),
            checkable=np.array([passage.checkable for passage in passages], dtype=np.bool_),
            owner=np.repeat(np.arange(len(passages), dtype=np.int32), n_vectors),
            rules=np.array(list(numbers), dtype=np.str_),
        )

    @property
    def ruled(self) -> npt.NDArray[np.bool_]:
        """Which passages rank rules, shape [passages]."""
        return (self.rule >= 0) & self.checkable

    def save(self, folder: Path) -> None:
        """Write one array a file.

        Raises:
            OSError: it cannot be written.
        """
        for name in _COLUMNS:
            np.save(_column(folder, name), getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            OSError: a file cannot be read.
            ValueError: it is no array.
        """
        return cls(**{name: np.load(_column(folder, name), allow_pickle=False) for name in _COLUMNS})


class MappedPassages(Sequence[Passage]):
    """The passages that :meth:`write` wrote; each is parsed when it is asked for.

    The file stays mapped as long as the object lives, also when its folder is replaced.
    """

    def __init__(self, folder: Path) -> None:
        """Map the file.

        Raises:
            OSError: a file cannot be read.
            ValueError: a file is empty or no array, or the two do not fit.
        """
        self._path = folder / LINES_FILE
        self._starts = np.load(folder / STARTS_FILE, allow_pickle=False)
        with self._path.open("rb") as file:
            self._lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self._starts[-1] != len(self._lines):
            raise ValueError("lines and starts do not fit")

    @staticmethod
    def write(folder: Path, passages: Sequence[Passage]) -> None:
        """Write one passage a line, and where the lines start.

        Raises:
            OSError: it cannot be written.
        """
        starts = np.zeros(len(passages) + 1, dtype=np.int64)
        with (folder / LINES_FILE).open("wb") as file:
            for row, passage in enumerate(passages):
                starts[row + 1] = starts[row] + file.write(_PASSAGE.dump_json(passage) + b"\n")
        np.save(folder / STARTS_FILE, starts, allow_pickle=False)

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, row: int) -> Passage: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Passage]: ...

    def __getitem__(self, row: int | slice) -> Passage | Sequence[Passage]:
        if isinstance(row, slice):
            return [self._read(at) for at in range(*row.indices(len(self)))]
        at = row + len(self) if row < 0 else row
        if not 0 <= at < len(self):
            raise IndexError(row)
        return self._read(at)

    def __iter__(self) -> Iterator[Passage]:
        return map(self._read, range(len(self)))

    def _read(self, row: int) -> Passage:
        try:
            return _PASSAGE.validate_json(self._lines[self._starts[row] : self._starts[row + 1]])
        except ValidationError as cause:
            raise IndexMismatchError(
                f"索引不能用：{LINES_FILE} 损坏（{self._path.parent}），请运行 reviewer index build 重建。"
            ) from cause


def _column(folder: Path, name: str) -> Path:
    return folder / f"column.{name}.npy"
