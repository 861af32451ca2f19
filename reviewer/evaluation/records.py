"""What one run leaves on disk: a manifest and one record an example, enough to recompute any figure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.errors import InputError
from reviewer.evaluation.examples import Example
from reviewer.files import atomic_path
from reviewer.schema import RewriteOrigin, RewriteStatus
from reviewer.types import Origin, Severity, Verdict

MANIFEST, RECORDS = "run.json", "records.jsonl"
# found: cited as violated. clear: asked and not violated. not_applicable: stage or channel do not fit.
Status = Literal["found", "clear", "not_assessed", "not_applicable"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SpanRecord(_Record):
    """Half-open code point offsets into the draft."""

    start: int
    end: int


class RuleOutcome(_Record):
    """What a system says of one rule; ``probability`` (0-1) is None where it gives none."""

    rule: str
    status: Status
    probability: float | None = None
    origin: Origin | None = None
    spans: list[SpanRecord] = Field(default_factory=list)


class RewriteOutcome(_Record):
    """The proposed reply and what its verification said."""

    text: str
    status: RewriteStatus
    origin: RewriteOrigin = ""
    placeholders: list[str] = Field(default_factory=list)
    changed_facts: list[str] = Field(default_factory=list)
    broken_rules: list[str] = Field(default_factory=list)


class Outcome(_Record):
    """What a system says of one draft.

    ``rules`` holds every rule of the manual. ``ranking`` is the situational rules that apply at this
    stage and on this channel in the order of retrieval, best first, empty where there is no retrieval.
    ``error`` is why there is no outcome.
    """

    verdict: Verdict
    rules: list[RuleOutcome]
    ranking: list[str] = Field(default_factory=list)
    rewrite: RewriteOutcome | None = None
    timing_ms: dict[str, float] = Field(default_factory=dict)
    n_tokens: int = Field(0, description="Tokens of the request that the language model read.")
    error: str = ""


class Record(_Record):
    """One example and what the system said of it."""

    example: Example
    outcome: Outcome

    @property
    def cited(self) -> frozenset[str]:
        """The rules cited as violated, those in dispute left out."""
        found = {rule.rule for rule in self.outcome.rules if rule.status == "found"}
        return frozenset(found - set(self.example.disputed))


class RuleInfo(_Record):
    """What the figures need to know of a rule."""

    id: str
    title: str
    severity: Severity
    standing: bool


class Manifest(_Record):
    """What was run, on what, with what."""

    format: Literal["reviewer.eval/1"] = "reviewer.eval/1"
    system: str
    identity: str = Field(description="Content hash of the system: versions, options.")
    data: str = Field(description="Name of the set, or of the files.")
    data_hash: str
    n_examples: int
    started: str = Field(description="UTC, ISO 8601.")
    commit: str = ""
    machine: str = ""
    options: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    second_reader: dict[str, float] = Field(
        default_factory=dict, description="Flag kappa and rule F1 of a second reader against the labels."
    )
    rules: list[RuleInfo]


@dataclass(frozen=True, slots=True)
class Run:
    """A manifest and its records, in the order of the data."""

    manifest: Manifest
    records: tuple[Record, ...]
    folder: Path | None = field(default=None, compare=False)


def read_run(folder: Path) -> Run:
    """Return the run in ``folder``.

    Raises:
        InputError: there is none, or a file is damaged.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError(
            f"{folder} 里没有评测结果（缺 {MANIFEST}）；先运行 reviewer eval run --out {folder}。"
        )
    return Run(manifest, tuple(read_records(folder)), folder)


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest in ``folder``, None when there is none."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, ValidationError) as cause:
        raise InputError(f"{path} 已损坏：{str(cause).splitlines()[0]}") from cause


def read_records(folder: Path) -> Iterator[Record]:
    """Yield the records in ``folder``; a last line that a kill cut short is passed over."""
    path = folder / RECORDS
    if not path.exists():
        return
    # Bytes: a kill may cut the last line within a character.
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            yield Record.model_validate_json(line)
        except ValidationError as cause:
            raise InputError(f"{path}:{number} 已损坏；删除该行后重新运行即可补上。") from cause


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put ``manifest`` into ``folder``, whole or not at all."""
    with atomic_path(folder / MANIFEST) as temporary:
        text = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")


def ordered(records: Sequence[Record], ids: Sequence[str]) -> list[Record]:
    """Return ``records`` in the order of ``ids``."""
    place = {example_id: number for number, example_id in enumerate(ids)}
    return sorted(records, key=lambda record: place[record.example.id])
