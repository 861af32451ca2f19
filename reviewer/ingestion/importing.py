"""From files to a folder of rules: the whole of ``reviewer manual import``."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reviewer.errors import DocumentError
from reviewer.ingestion.blocks import Extracted
from reviewer.ingestion.book import Book, SourceFile, build_book
from reviewer.ingestion.encodings import shown_name
from reviewer.ingestion.folder import Stored, store
from reviewer.ingestion.isolation import read_isolated
from reviewer.ingestion.limits import Limits
from reviewer.types import Rule

Progress = Callable[[str], None]
Read = Callable[[Path, Limits], Extracted]


@dataclass(frozen=True, slots=True)
class Imported:
    """What was found, and what became of it."""

    book: Book
    stored: Stored


def import_manual(
    paths: Sequence[Path],
    folder: Path,
    *,
    known: Sequence[Rule] = (),
    limits: Limits | None = None,
    notify: Progress = lambda _text: None,
    read: Read = read_isolated,
) -> Imported:
    """Turn the documents of one manual into a folder of rules.

    Every file is read in a process of its own; nothing is written unless all of them can be read.

    Args:
        paths: All documents of the manual, in any order.
        folder: Where the rules go; a manual that is there is never overwritten.
        known: Rules, usually the shipped ones, that an imported one may be the same as.
        limits: How much one file and the whole may cost.
        notify: Told, in Chinese, of each file before it is read.
        read: What reads one file.

    Raises:
        DocumentError: a file cannot be read, or holds no rules; the manual is beyond the limits; or the
            folder is something else.
        CorpusError: the catalogue in the folder is malformed.
        StorageError: the folder cannot be written.
    """
    limits = limits or Limits()
    sources = []
    for path in paths:
        name = shown_name(path)
        notify(f"读取 {name}")
        document = read(path, limits)
        sources.append(SourceFile(name, hashlib.sha256(path.read_bytes()).hexdigest(), document))
    book = build_book(sources, known, limits=limits)
    if all(rule.kind == "background" for rule in book.rules):
        raise DocumentError("这些文件里没有找到规范；请确认给出的是手册正文。")
    return Imported(book, store(book, folder))
