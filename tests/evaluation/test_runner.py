"""Running a system over examples: what is killed goes on, what does not belong together is refused."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reviewer.errors import EngineError, InputError, StorageError
from reviewer.evaluation.examples import Example, LabelledViolation
from reviewer.evaluation.records import MANIFEST, RECORDS, Outcome, Record, RuleOutcome, Run, read_run
from reviewer.evaluation.runner import default_folder, run
from reviewer.evaluation.systems import code_hash, identity_of
from reviewer.manual.catalogue import Catalogue
from reviewer.request import conversation_of

ROOT = Path(__file__).parents[2]
# Not in the order of their ids: the order of the data is kept.
EXAMPLES = tuple(
    Example(
        id=f"e{number}",
        draft=f"您好，第{number}件事不归我管。",
        verdict="revise",
        violations=[LabelledViolation(rule="A02", quote="不归我管")],
    )
    for number in (4, 1, 5, 2, 3, 0)
)


@dataclass
class Scripted:
    """Cites A02 in every draft; fails at the ``fails_at``-th call of this process, from 0."""

    fails_at: int | None = None
    error: BaseException = field(default_factory=KeyboardInterrupt)
    name: str = "scripted"
    versions: Mapping[str, str] = field(default_factory=lambda: {"model": "m1"})
    judged: list[str] = field(default_factory=list)

    def judge(self, example: Example) -> Outcome:
        if len(self.judged) == self.fails_at:
            raise self.error
        conversation_of(example.request())
        self.judged.append(example.id)
        rules = [RuleOutcome(rule="A02", status="found", probability=0.9)]
        return Outcome(verdict="revise", rules=rules, timing_ms={"total": time.perf_counter()})

    def close(self) -> None:
        pass


class Blocking(Scripted):
    """Says ``ready`` and waits, instead of judging the ``fails_at``-th example."""

    def judge(self, example: Example) -> Outcome:
        if len(self.judged) == self.fails_at:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            time.sleep(60)
        return super().judge(example)


def go(
    system: Scripted,
    folder: Path,
    catalogue: Catalogue,
    examples: Sequence[Example] = EXAMPLES,
    **options: str,
) -> Run:
    return run(system, examples, folder, catalogue, data="small", options=options)


def untimed(records: Sequence[Record]) -> list[Record]:
    return [
        record.model_copy(update={"outcome": record.outcome.model_copy(update={"timing_ms": {}})})
        for record in records
    ]


@pytest.fixture
def undisturbed(tmp_path: Path, catalogue: Catalogue) -> Run:
    return go(Scripted(), tmp_path / "undisturbed", catalogue)


def test_a_run_keeps_the_order_of_the_data_and_says_what_it_was(
    undisturbed: Run, catalogue: Catalogue
) -> None:
    assert [record.example for record in undisturbed.records] == list(EXAMPLES)
    manifest = undisturbed.manifest
    assert (manifest.system, manifest.data, manifest.n_examples) == ("scripted", "small", 6)
    assert manifest.versions == {"model": "m1", "code": code_hash()}
    assert [rule.id for rule in manifest.rules] == [rule.id for rule in catalogue.rules]
    assert undisturbed.folder is not None
    assert read_run(undisturbed.folder) == undisturbed


@pytest.mark.parametrize("done", [0, 1, 5])
@pytest.mark.parametrize("torn", [b"", b'{"example":{"id":"e9","draft":"\xe6\x82'])
def test_a_run_cut_short_and_resumed_equals_an_undisturbed_one(
    undisturbed: Run, tmp_path: Path, catalogue: Catalogue, done: int, torn: bytes
) -> None:
    folder = tmp_path / "cut"
    first = Scripted(fails_at=done)
    with pytest.raises(KeyboardInterrupt):
        go(first, folder, catalogue)
    path = folder / RECORDS
    path.write_bytes(path.read_bytes() + torn)
    assert len(read_run(folder).records) == done
    second = Scripted()
    resumed = go(second, folder, catalogue)
    assert untimed(resumed.records) == untimed(undisturbed.records)
    assert untimed(read_run(folder).records) == untimed(undisturbed.records)
    # Nothing was judged twice.
    assert [*first.judged, *second.judged] == [example.id for example in EXAMPLES]


def test_a_run_that_lost_a_line_in_the_middle_is_made_whole_in_order(
    undisturbed: Run, tmp_path: Path, catalogue: Catalogue
) -> None:
    path = tmp_path / "undisturbed" / RECORDS
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    system = Scripted()
    resumed = go(system, tmp_path / "undisturbed", catalogue)
    assert system.judged == [EXAMPLES[2].id]
    assert untimed(resumed.records) == untimed(undisturbed.records)


def test_a_finished_run_is_not_repeated(undisturbed: Run, tmp_path: Path, catalogue: Catalogue) -> None:
    system = Scripted()
    before = (tmp_path / "undisturbed" / RECORDS).read_bytes()
    assert go(system, tmp_path / "undisturbed", catalogue) == undisturbed
    assert system.judged == []
    assert (tmp_path / "undisturbed" / RECORDS).read_bytes() == before


def test_one_process_writes_a_folder_and_a_killed_one_leaves_it_usable(
    undisturbed: Run, tmp_path: Path, catalogue: Catalogue
) -> None:
    folder = tmp_path / "killed"
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from reviewer.manual.catalogue import load_catalogue\n"
        "from reviewer.resources import resource_dir\n"
        "from tests.evaluation.test_runner import Blocking, go\n"
        "go(Blocking(fails_at=3), Path(sys.argv[1]), load_catalogue(resource_dir('corpus')))\n"
    )
    arguments = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            with pytest.raises(StorageError, match="另一个评测正在写") as caught:
                go(Scripted(), folder, catalogue)
            assert len(str(caught.value).splitlines()) == 1
        finally:
            child.kill()
    assert len(read_run(folder).records) == 3
    system = Scripted()
    assert untimed(go(system, folder, catalogue).records) == untimed(undisturbed.records)
    assert len(system.judged) == 3


@pytest.mark.parametrize(
    ("system", "examples", "options", "what"),
    [
        (Scripted(name="other"), EXAMPLES, {}, "系统、版本或选项"),
        (Scripted(versions={"model": "m2"}), EXAMPLES, {}, "系统、版本或选项"),
        (Scripted(), EXAMPLES, {"rewrite": "true"}, "系统、版本或选项"),
        (Scripted(), EXAMPLES[:5], {}, "数据"),
        (Scripted(), (EXAMPLES[0].model_copy(update={"verdict": "block"}), *EXAMPLES[1:]), {}, "数据"),
    ],
    ids=["system", "version", "options", "fewer", "label"],
)
def test_a_folder_of_another_run_is_refused(
    undisturbed: Run,
    tmp_path: Path,
    catalogue: Catalogue,
    system: Scripted,
    examples: Sequence[Example],
    options: Mapping[str, str],
    what: str,
) -> None:
    folder = tmp_path / "undisturbed"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError) as caught:
        go(system, folder, catalogue, examples, **options)
    assert f"另一次评测（{what}不同：scripted，small）" in str(caught.value)
    assert "--out" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert system.judged == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_results_of_other_code_are_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity_of(Scripted(), {})
    assert identity_of(Scripted(), {}) == before
    monkeypatch.setattr("reviewer.evaluation.systems.code_hash", lambda: "later")
    assert identity_of(Scripted(), {}) != before


def test_a_refused_draft_is_not_assessed_and_the_run_goes_on(tmp_path: Path, catalogue: Catalogue) -> None:
    examples = [
        EXAMPLES[0],
        Example(id="symbols", draft="！！！", verdict="pass"),
        Example(id="long", draft="好的", customer="问" * 20_001, verdict="pass"),
        EXAMPLES[1],
    ]
    records = go(Scripted(), tmp_path / "run", catalogue, examples).records
    assert [record.outcome.verdict for record in records] == [
        "revise",
        "not_assessed",
        "not_assessed",
        "revise",
    ]
    refused = records[1].outcome
    assert refused.error == "草稿里没有文字（只有符号或表情），无法审核。"
    assert records[2].outcome.error == "客户消息或上文过长。"
    assert [rule.rule for rule in refused.rules] == [rule.id for rule in catalogue.rules]
    assert {rule.status for rule in refused.rules} == {"not_assessed"}
    assert records[1].cited == frozenset()


def test_a_failing_system_keeps_what_is_done(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(EngineError):
        go(Scripted(fails_at=2, error=EngineError("坏了")), tmp_path / "run", catalogue)
    assert len(read_run(tmp_path / "run").records) == 2


def test_progress_counts_what_was_there(tmp_path: Path, catalogue: Catalogue) -> None:
    heard: list[tuple[int, int]] = []
    with pytest.raises(KeyboardInterrupt):
        go(Scripted(fails_at=4), tmp_path / "run", catalogue)
    run(
        Scripted(),
        EXAMPLES,
        tmp_path / "run",
        catalogue,
        data="small",
        on_done=lambda done, total: heard.append((done, total)),
    )
    assert heard == [(4, 6), (5, 6), (6, 6)]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError):
        go(Scripted(), tmp_path / "file" / "run", catalogue)
    (tmp_path / "run" / RECORDS).mkdir(parents=True)
    with pytest.raises((StorageError, InputError)):
        go(Scripted(), tmp_path / "run", catalogue)


def test_the_default_folder_is_named_by_content() -> None:
    def name(system: Scripted, examples: Sequence[Example], options: Mapping[str, str]) -> str:
        folder = default_folder(Path("/x"), system, examples, "dev", options)
        assert folder.parent == Path("/x/eval/runs")
        assert folder.name.startswith("dev-scripted-")
        return folder.name

    same = name(Scripted(), EXAMPLES, {"a": "1"})
    assert name(Scripted(), EXAMPLES, {"a": "1"}) == same
    others = {
        name(Scripted(), EXAMPLES[:5], {"a": "1"}),
        name(Scripted(), EXAMPLES, {"a": "2"}),
        name(Scripted(versions={"model": "m2"}), EXAMPLES, {"a": "1"}),
    }
    assert len(others | {same}) == 4


def test_a_manifest_without_records_is_an_empty_run(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(KeyboardInterrupt):
        go(Scripted(fails_at=0), tmp_path / "run", catalogue)
    assert (tmp_path / "run" / MANIFEST).is_file()
    assert read_run(tmp_path / "run").records == ()


def test_records_without_a_manifest_are_nobodys(tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / RECORDS).write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="不知道是谁的"):
        go(Scripted(), tmp_path, catalogue)
