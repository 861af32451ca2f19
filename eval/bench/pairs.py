"""Blind pairwise comparison of rewrites: whoever judges sees neither the source nor the order.

python eval/bench/pairs.py sample eval/data/test/*.jsonl -o DRAFTS.jsonl
python eval/bench/pairs.py sheets OURS OTHER -o FOLDER
python eval/bench/pairs.py score FOLDER/key.jsonl ANSWERS.jsonl...

OURS and OTHER are folders of `reviewer eval run --data DRAFTS.jsonl --rewrite`; OTHER may be `reference`, the
labelled rewrites. Every pair stands on two sheets, in both orders. A judge answers each row with a line
{"id", "better": "A" | "B" | "same", "sendable": [...], "compliant": [...]}; the lists name the replies
that could be sent without an edit, and those that break no rule.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from reviewer.evaluation.examples import Example, read_examples
from reviewer.evaluation.metrics.intervals import proportion
from reviewer.evaluation.records import read_records
from reviewer.files import atomic_path, ensure_dir

REFERENCE = "reference"
Side = Literal["A", "B"]
Kind = Literal["ready", "placeholders", "unverified"]
SIDES: tuple[Side, Side] = ("A", "B")
app = typer.Typer(add_completion=False, no_args_is_help=True)


class Key(BaseModel):
    """Where a row of a sheet comes from: ``ours`` is the side of our reply, ``kind`` what it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    example: str
    ours: Side
    kind: Kind


class Answer(BaseModel):
    """What a judge says of one row."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str
    better: Literal["A", "B", "same"]
    sendable: list[Side]
    compliant: list[Side]


@dataclass(frozen=True, slots=True)
class Reply:
    """A rewrite of one example."""

    example: Example
    text: str
    kind: Kind


@app.command()
def sample(
    files: list[Path],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the drafts.")],
    count: Annotated[int, typer.Option(min=1)] = 100,
    seed: int = 0,
) -> None:
    """Draw drafts that should not be sent and have a labelled rewrite."""
    drawable = [example for path in files for example in read_examples(path) if example.rewrite]
    drawn = random.Random(seed).sample(drawable, min(count, len(drawable)))
    _write(out, (example.model_dump_json(exclude_defaults=True) for example in drawn))
    typer.echo(f"{len(drawn)} of {len(drawable)} drafts")


@app.command()
def sheets(
    ours: Path,
    other: str,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for two sheets and their key.")],
    seed: int = 0,
) -> None:
    """Write the drafts for which both have a reply, on two sheets that differ in the order of the replies."""
    mine = {reply.example.id: reply for reply in _replies(ours)}
    rivals = {reply.example.id: reply.text for reply in _replies(Path(other))} if other != REFERENCE else {}
    draw = random.Random(seed)
    rows: dict[int, list[str]] = {0: [], 1: []}
    keys: list[str] = []
    alone = 0
    for number, reply in enumerate(mine.values()):
        rival = reply.example.rewrite if other == REFERENCE else rivals.get(reply.example.id, "")
        if not rival:
            alone += 1
            continue
        first = draw.randrange(2)
        for sheet, own in enumerate((first, 1 - first)):
            pair = (reply.text, rival) if own == 0 else (rival, reply.text)
            key = Key(id=f"{number:03d}-{sheet}", example=reply.example.id, ours=SIDES[own], kind=reply.kind)
            rows[sheet].append(_row(key.id, reply.example, pair))
            keys.append(key.model_dump_json())
    ensure_dir(out)
    for sheet, lines in rows.items():
        draw.shuffle(lines)
        _write(out / f"sheet-{sheet}.jsonl", lines)
    _write(out / "key.jsonl", keys)
    typer.echo(f"{len(keys) // 2} pairs; {alone} drafts for which only OURS has a reply")


@app.command()
def score(key: Path, answers: list[Path]) -> None:
    """Say how often ours is preferred, sendable and compliant, with 95 % intervals.

    A preference counts when both orders agree; all others are no preference.
    """
    keys = {entry.id: entry for entry in map(Key.model_validate_json, key.read_text("utf-8").splitlines())}
    preferred: dict[str, list[int]] = defaultdict(list)
    qualities: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for answer in (answer for path in answers for answer in _answers(path)):
        row = keys[answer.id]
        preferred[row.example].append(
            0 if answer.better == "same" else 1 if answer.better == row.ours else -1
        )
        for side in SIDES:
            whose = row.kind if side == row.ours else "other"
            for quality in ("sendable", "compliant"):
                qualities[quality, whose, row.example].append(side in getattr(answer, quality))
    both = [votes for votes in preferred.values() if len(votes) > 1]
    outcomes = [votes[0] if len(set(votes)) == 1 else 0 for votes in both]
    for name, value in (("preferred", 1), ("no preference", 0), ("the other preferred", -1)):
        _say(name, outcomes.count(value), len(outcomes))
    for quality in ("sendable", "compliant"):
        for whose in ("ready", "placeholders", "unverified", "other"):
            found = [
                all(said)
                for (what, who, _), said in qualities.items()
                if (what, who) == (quality, whose) and len(said) > 1
            ]
            _say(f"{quality} in both orders: {whose}", sum(found), len(found))
    typer.echo(f"{len(preferred) - len(both)} drafts answered in one order only")


def _replies(folder: Path) -> Iterator[Reply]:
    for record in read_records(folder):
        rewrite = record.outcome.rewrite
        if rewrite and rewrite.text:
            kind: Kind = "placeholders" if rewrite.placeholders else "ready"
            if rewrite.status != "verified":
                kind = "unverified"
            yield Reply(record.example, rewrite.text, kind)


def _row(name: str, example: Example, pair: tuple[str, str]) -> str:
    shown: dict[str, object] = {
        "id": name,
        "channel": example.channel,
        "stage": example.stage,
        "history": [turn.model_dump() for turn in example.history],
        "customer": example.customer,
        "draft": example.draft,
    }
    shown.update(zip(SIDES, pair, strict=True))
    return json.dumps(shown, ensure_ascii=False)


def _answers(path: Path) -> Iterator[Answer]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            yield Answer.model_validate_json(line)
        except ValidationError as cause:
            raise typer.BadParameter(f"{path}:{number}: {cause.errors()[0]['msg']}") from cause


def _say(name: str, hits: int, n: int) -> None:
    share = proportion(hits, n, name, "higher")
    if n:
        typer.echo(f"{name}: {hits} of {n} = {share.value:.2f} ({share.low:.2f}-{share.high:.2f})")


def _write(path: Path, lines: Iterable[str]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    app()
