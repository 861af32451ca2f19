"""Runs a system over examples, one appended line each, so that a killed run goes on where it stopped."""

import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reviewer.errors import InputError
from reviewer.evaluation.examples import Example, hash_of
from reviewer.evaluation.records import (
    RECORDS,
    Manifest,
    Outcome,
    Record,
    RuleInfo,
    RuleOutcome,
    Run,
    ordered,
    read_manifest,
    read_records,
    write_manifest,
)
from reviewer.evaluation.systems import System, code_hash, identity_of
from reviewer.files import drop_torn_line, locked, storage_error
from reviewer.manual.catalogue import Catalogue
from reviewer.resources import content_hash

OnDone = Callable[[int, int], None]


def run(
    system: System,
    examples: Sequence[Example],
    folder: Path,
    catalogue: Catalogue,
    *,
    data: str,
    options: Mapping[str, str] | None = None,
    second_reader: Mapping[str, float] | None = None,
    on_done: OnDone = lambda _done, _total: None,
) -> Run:
    """Judge every example that ``folder`` has no record of and return the whole run.

    Args:
        system: What is measured.
        examples: With unique ids.
        folder: Made if need be; one that holds a run of something else is refused.
        catalogue: The manual whose rules are scored.
        data: What the examples are called.
        options: What else decides the result, for the manifest.
        second_reader: How far a second reader agreed with these labels, for the manifest.
        on_done: Told of examples done and in all.

    Raises:
        InputError: ``folder`` holds a run of another system, other data or other options.
        StorageError: it cannot be written.
        ReviewerError: the system failed; what is done stays and the run can be resumed.
    """
    manifest = _manifest(system, examples, catalogue, data, dict(options or {}))
    manifest = manifest.model_copy(update={"second_reader": dict(second_reader or {})})
    with locked(folder, "评测"):
        _agree(folder, manifest)
        drop_torn_line(folder / RECORDS)
        done = {record.example.id: record for record in read_records(folder)}
        on_done(len(done), len(examples))
        try:
            with (folder / RECORDS).open("a", encoding="utf-8") as sink:
                for example in examples:
                    if example.id in done:
                        continue
                    record = Record(example=example, outcome=_judge(system, example, catalogue))
                    sink.write(record.model_dump_json() + "\n")
                    sink.flush()
                    os.fsync(sink.fileno())
                    done[example.id] = record
                    on_done(len(done), len(examples))
        except OSError as cause:
            raise storage_error(folder / RECORDS, cause) from cause
    stored = read_manifest(folder) or manifest
    records = ordered(list(done.values()), [example.id for example in examples])
    return Run(stored, tuple(records), folder)


def default_folder(
    cwd: Path, system: System, examples: Sequence[Example], data: str, options: Mapping[str, str]
) -> Path:
    """Return where a run goes when nobody says: named by content, so that equal runs are never repeated."""
    key = content_hash(identity_of(system, options).encode(), hash_of(examples).encode())
    return cwd / "eval" / "runs" / f"{data}-{system.name}-{key[:8]}"


def _judge(system: System, example: Example, catalogue: Catalogue) -> Outcome:
    try:
        return system.judge(example)
    except InputError as error:
        # A draft that is refused is neither passed nor blocked: it counts as not assessed.
        rules = [RuleOutcome(rule=rule.id, status="not_assessed") for rule in catalogue.rules]
        return Outcome(verdict="not_assessed", rules=rules, error=str(error))


def _manifest(
    system: System, examples: Sequence[Example], catalogue: Catalogue, data: str, options: dict[str, str]
) -> Manifest:
    return Manifest(
        system=system.name,
        identity=identity_of(system, options),
        data=data,
        data_hash=hash_of(examples),
        n_examples=len(examples),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        machine=f"{platform.machine()}，{os.cpu_count()} 核，Python {platform.python_version()}",
        options=options,
        versions={**system.versions, "code": code_hash()},
        rules=[
            RuleInfo(id=rule.id, title=rule.title, severity=rule.severity, standing=rule.standing)
            for rule in catalogue.rules
        ],
    )


def _agree(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, or refuse to mix two runs in one folder."""
    stored = read_manifest(folder)
    if stored is None:
        if (folder / RECORDS).exists():
            raise InputError(f"{folder} 里有记录但没有 run.json，不知道是谁的；请换一个 --out。")
        write_manifest(folder, manifest)
        return
    told = {"identity": "系统、版本或选项", "data_hash": "数据"}
    for name, what in told.items():
        if getattr(stored, name) != getattr(manifest, name):
            raise InputError(
                f"{folder} 里是另一次评测（{what}不同：{stored.system}，{stored.data}）；"
                "请换一个 --out，或先删除该目录。"
            )


def _commit() -> str:
    """Return the commit of the checkout, with a mark when it has changes; empty outside of one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()
