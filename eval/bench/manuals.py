"""What an import makes of raw manuals, against a reading of them by hand.

    python eval/bench/manuals.py FOLDER

FOLDER holds the documents that manuals.json names by SHA-256; what is not there is skipped and said so.
manuals.json gives offsets only: for each of the 46 rules of the shipped catalogue where it stands, which
parts are furniture of the web site, and which are about dress and posture. A rule counts as found when one
imported rule of class checkable covers four fifths of one of its places in the same document and is not
much longer than that place.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from reviewer.ingestion.furniture import REPEAT
from reviewer.ingestion.importing import Imported, import_manual
from reviewer.manual.imported import RuleEntry
from reviewer.resources import tree_hash

GOLD = Path(__file__).with_suffix(".json")
COVERED = 0.8
LONGEST, TIMES_AS_LONG = 250, 3


def main(folder: Annotated[Path, typer.Argument(help="The folder of the raw manuals.")]) -> None:
    """Import the documents of ``folder`` and print the measures."""
    gold = json.loads(GOLD.read_text(encoding="utf-8"))
    paths = documents_of(folder, gold)
    if not paths:
        print(f"skipped: none of the documents of {GOLD.name} is in {folder}")
        return
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "rules"
        imported = import_manual(list(paths.values()), out)
        before = tree_hash(out)
        again = import_manual(list(paths.values())[::-1], out)
        identical = again.stored.outcome == "unchanged" and tree_hash(out) == before
    show_rules(imported, gold, paths)
    show_parts(imported, gold, paths)
    print(f"second import identical: {identical}")
    if len(paths) < len(gold["documents"]):
        print(
            f"skipped: {len(gold['documents']) - len(paths)} documents are not in {folder}", file=sys.stderr
        )
    raise typer.Exit(0 if identical else 1)


def documents_of(folder: Path, gold: dict[str, Any]) -> dict[str, Path]:
    """Return the documents that are there, by their name in the gold file."""
    if not folder.is_dir():
        return {}
    files = {hashlib.sha256(p.read_bytes()).hexdigest()[:16]: p for p in folder.iterdir() if p.is_file()}
    return {d["name"]: files[d["sha256"]] for d in gold["documents"] if d["sha256"] in files}


def show_rules(imported: Imported, gold: dict[str, Any], paths: dict[str, Path]) -> None:
    """Print how many rules are found, and which are not."""
    stems = {chapter.source.name: chapter.entry.stem for chapter in imported.book.chapters}
    by_document: dict[str, list[RuleEntry]] = {name: [] for name in paths}
    for name, path in paths.items():
        by_document[name] = [r for r in imported.book.rules if r.document == stems[path.name]]
    wanted = {r: places for r, places in gold["rules"].items() if any(p[0] in paths for p in places)}
    lost: list[str] = []
    other: list[str] = []
    for rule, places in wanted.items():
        kinds = {
            entry.kind for name, *span in places for entry in by_document.get(name, []) if meets(entry, span)
        }
        if "checkable" not in kinds:
            (other if kinds else lost).append(rule)
    found = len(wanted) - len(lost) - len(other)
    print(f"rules found: {found} of {len(wanted)}; of another class: {other}; not found: {lost}")
    checkable = sum(rule.kind == "checkable" for rule in imported.book.rules)
    print(f"imported rules: {len(imported.book.rules)}, checkable {checkable}")


def meets(entry: RuleEntry, span: Sequence[int]) -> bool:
    """Whether an imported rule is the norm that stands at ``span``."""
    start, end = span
    shared = min(entry.end, end) - max(entry.start, start)
    length = entry.end - entry.start
    return shared >= COVERED * (end - start) and length <= max(LONGEST, TIMES_AS_LONG * (end - start))


def show_parts(imported: Imported, gold: dict[str, Any], paths: dict[str, Path]) -> None:
    """Print the shares of furniture that is gone and of text that is not, and what cites conduct."""
    gone = total = wrongly = kept_text = conduct = 0
    chapters = {chapter.source.name: chapter for chapter in imported.book.chapters}
    for document in gold["documents"]:
        if document["name"] not in paths:
            continue
        chapter = chapters[paths[document["name"]].name]
        text = chapter.source.document.text
        furniture = {at for a, b in document["furniture"] for at in range(a, b) if not text[at].isspace()}
        removed = {
            at
            for part in chapter.removed
            if part.why != REPEAT
            for at in range(part.start, part.end)
            if not text[at].isspace()
        }
        gone, total = gone + len(removed & furniture), total + len(furniture)
        wrongly += len(removed - furniture)
        kept_text += sum(not char.isspace() for char in text) - len(furniture)
        conduct += sum(
            rule.kind == "checkable"
            and any(a <= rule.start and rule.end <= b for a, b in document["conduct"])
            for rule in imported.book.rules
            if rule.document == chapter.entry.stem
        )
    print(f"furniture gone: {gone / total:.3f} of {total} characters")
    print(f"manual text taken for furniture: {wrongly / kept_text:.4f} of {kept_text} characters")
    print(f"rules of dress and posture that could be cited: {conduct}")


if __name__ == "__main__":
    typer.run(main)
