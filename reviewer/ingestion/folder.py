"""The folder that an import writes: whole or not at all, and never over a person's edits."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from reviewer.errors import DocumentError
from reviewer.files import locked, storage_error
from reviewer.ingestion.book import IMPORTER_VERSION, Book
from reviewer.ingestion.catalogue_file import render_catalogue
from reviewer.ingestion.encodings import shown_name
from reviewer.ingestion.report import render_report
from reviewer.ingestion.revision import Edition, Record, Revision, first_revision, revise
from reviewer.manual.entries import read_entries
from reviewer.manual.imported import (
    CATALOGUE_FILE,
    DOCUMENTS_FOLDER,
    RECORD_FILE,
    REPORT_FILE,
    ImportedEntry,
)
from reviewer.resources import content_hash, read_text

PROPOSED_SUFFIX = ".proposed"
Outcome = Literal["written", "unchanged", "proposed"]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an import: ``folder`` is where these rules lie."""

    outcome: Outcome
    folder: Path
    revision: Revision


def store(book: Book, folder: Path) -> Stored:
    """Write ``book`` to ``folder``, or beside it when a manual that is there would change.

    Raises:
        DocumentError: the folder holds something else, or beside it lies a proposal that a person has
            begun to edit.
        CorpusError: the catalogue that is there is malformed.
        StorageError: the folder cannot be written.
    """
    if not folder.name or folder.name == "..":
        folder = folder.resolve()
    edition = _edition(book)
    if _vacant(folder):
        if Path.cwd().is_relative_to(folder.absolute()):
            raise DocumentError(f"{folder} 是当前目录，不能整个换掉；请换一个 -o，如 -o rules。")
        revision = first_revision(edition)
        _publish(_rendered(book, revision, None), folder, anew=True)
        return Stored("written", folder, revision)
    record = _read_record(folder)
    mine = read_entries(folder / CATALOGUE_FILE, ImportedEntry)
    revision = revise(edition, mine=mine, record=record)
    if revision.record == record.model_copy(update={"catalogue": ""}):
        return Stored("unchanged", folder, revision)
    proposed = folder.with_name(folder.name + PROPOSED_SUFFIX)
    _publish(_rendered(book, revision, mine), proposed, anew=False)
    return Stored("proposed", proposed, revision)


def _edition(book: Book) -> Edition:
    chapters = {chapter.entry.stem: chapter for chapter in book.chapters}
    return Edition(
        importer=IMPORTER_VERSION,
        rules=book.rules,
        titles={stem: chapter.entry.title for stem, chapter in chapters.items()},
        texts={stem: chapter.source.document.text for stem, chapter in chapters.items()},
        files={stem: chapter.source.sha256 for stem, chapter in chapters.items()},
    )


def _vacant(folder: Path) -> bool:
    """Whether nothing lies there yet."""
    try:
        return not folder.exists() or not any(folder.iterdir())
    except NotADirectoryError:
        raise DocumentError(f"{folder} 是文件，不是目录；请换一个 -o。") from None
    except OSError as cause:
        raise storage_error(folder, cause) from cause


def _read_record(folder: Path) -> Record:
    path = folder / RECORD_FILE
    if not path.is_file():
        raise DocumentError(f"{folder} 不是导入所得的手册（没有 {RECORD_FILE}）；请换一个 -o。")
    try:
        return Record.model_validate_json(read_text(path))
    except ValidationError as cause:
        raise DocumentError(f"{path} 损坏；请从备份恢复，或换一个 -o 重新导入。") from cause


def _refuse_edited(proposed: Path) -> None:
    """Refuse to replace a folder that holds anything but what an import wrote there."""
    catalogue = proposed / CATALOGUE_FILE
    record = _read_record(proposed)
    if not catalogue.is_file() or content_hash(catalogue.read_bytes()) != record.catalogue:
        raise DocumentError(f"{proposed} 已有人改动；请先采用它（替换原目录）或删去，再重新导入。")
    ours = {CATALOGUE_FILE, RECORD_FILE, REPORT_FILE, DOCUMENTS_FOLDER}
    ours |= {f"{DOCUMENTS_FOLDER}/{stem}.txt" for stem in record.files}
    found = sorted(path.relative_to(proposed).as_posix() for path in proposed.rglob("*"))
    if strange := [name for name in found if name not in ours]:
        raise DocumentError(
            f"{proposed} 里有不是导入写的 {shown_name(Path(strange[0]))}；请先移走，再重新导入。"
        )


def _rendered(book: Book, revision: Revision, mine: ImportedEntry | None) -> dict[str, str]:
    """Return the content of every file by its name in the folder."""
    catalogue = render_catalogue(book.chapters, revision, settings_of=mine)
    record = revision.record.model_copy(update={"catalogue": content_hash(catalogue.encode())})
    return {
        CATALOGUE_FILE: catalogue,
        REPORT_FILE: render_report(book, revision),
        RECORD_FILE: record.model_dump_json(indent=1) + "\n",
        **{f"{DOCUMENTS_FOLDER}/{each.entry.file}": each.source.document.text for each in book.chapters},
    }


def _publish(files: Mapping[str, str], target: Path, *, anew: bool) -> None:
    """Put a whole folder in the place of ``target``: a vacant one, unless ``anew`` an unedited proposal.

    Raises:
        DocumentError: somebody edited it, or has put something there meanwhile.
        StorageError: it cannot be written, or another import writes it.
    """
    with _scratch_folder(target) as scratch:
        # Under the lock: another import may have come before.
        vacant = _vacant(target)
        if not vacant and anew:
            raise DocumentError(f"{target} 刚刚被写入了内容；请核对后重新导入。")
        if not vacant:
            _refuse_edited(target)
        try:
            fresh = scratch / "fresh"
            (fresh / DOCUMENTS_FOLDER).mkdir(parents=True)
            for name, text in files.items():
                (fresh / name).write_text(text, encoding="utf-8", newline="")
            if not vacant:
                target.rename(scratch / "replaced")
            fresh.rename(target)
        except OSError as cause:
            raise storage_error(target, cause) from cause


@contextlib.contextmanager
def _scratch_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``target``, locked, that is gone afterwards.

    What a killed import left there is cleared away; one that is still at it is not disturbed.

    Raises:
        StorageError: another import is at it, or the folder cannot be written.
    """
    scratch = target.with_name(f".{target.name}.import")
    with locked(scratch, "导入", remedy="请等它结束或换一个 -o"):
        for left in ("fresh", "replaced"):
            shutil.rmtree(scratch / left, ignore_errors=True)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
