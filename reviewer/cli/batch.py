"""``reviewer batch``: review the rows of a file, resumable."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.options import (
    Adapter,
    AllRules,
    ChannelOption,
    Classifier,
    Corpus,
    Encoder,
    FailOnOption,
    Home,
    Model,
    Retriever,
    RewriteOption,
    RewriterOption,
    StageOption,
    Threads,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reviewer.batch import Annotations, Earlier, Line, Predecessor, Task
    from reviewer.errors import RowError
    from reviewer.schema import Review, ReviewRequest
    from reviewer.settings import FailOn, Settings


def batch(
    source: Annotated[
        Path,
        typer.Argument(metavar="IN", help="JSONL、CSV 或 TSV；字段即 check 的请求，另可有 id。"),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="结果文件（JSONL）；中断后用同一文件继续。")],
    channel: ChannelOption = None,
    stage: StageOption = None,
    fail_on: FailOnOption = None,
    deadline: Annotated[
        int | None, typer.Option("--deadline", help="每条的时限（毫秒）；到时先给出已审的部分。")
    ] = None,
    rewrite: RewriteOption = None,
    all_rules: AllRules = False,
    recheck: Annotated[
        Path | None,
        typer.Option("--recheck", metavar="OLD", help="以前的结果（JSONL）：最后列出结论或规则变了的行。"),
    ] = None,
    old_manual: Annotated[
        str | None,
        typer.Option(
            "--old-manual", help="OLD 用的手册（目录、名字；none 是随附的）：改动无关的行沿用旧审核。"
        ),
    ] = None,
    annotate: Annotated[
        list[Path] | None,
        typer.Option(
            "--annotate",
            metavar="FILE",
            help="把问题标在 IN 的行上，写成 .sarif 或 .rdjsonl（看后缀）；可多次给出。",
        ),
    ] = None,
    model: Model = None,
    adapter: Adapter = None,
    classifier: Classifier = None,
    rewriter: RewriterOption = None,
    retriever: Retriever = None,
    encoder: Encoder = None,
    corpus: Corpus = None,
    threads: Threads = None,
    home: Home = None,
) -> None:
    """审核一个文件里的每一行，每行结果一行 JSON；可续跑，内容没变的不重审。

    手册或版本变了以后：--recheck 旧结果，最后列出结论或引用的规则变了的行。

    退出码：1 有达到 --fail-on 的问题；否则 2 有不能审核的行；否则 3 有没审完的；否则 0。
    """
    from reviewer.batch import open_annotations
    from reviewer.settings import load_settings

    targets = annotate or ()
    _refuse_annotate(targets, [path for path in (source, out, recheck) if path])
    overrides = {
        "channel": channel,
        "stage": stage,
        "fail_on": fail_on,
        "deadline_ms": deadline,
        "rewrite": rewrite,
        "rewriter": rewriter,
        "model": model,
        "adapter": adapter,
        "classifier": classifier,
        "retriever": retriever,
        "encoder": encoder,
        "corpus": corpus,
        "threads": threads,
        "home": home,
    }
    with open_annotations(source, targets) as annotations:
        settings = load_settings(overrides, cwd=Path.cwd()).settings
        _refuse_out(out, source)
        options = _options(settings, all_rules=all_rules)
        earlier = before = None
        if recheck is not None:
            earlier = _earlier(recheck, out)
        if old_manual is not None:
            then = load_settings({**overrides, "corpus": old_manual}, cwd=Path.cwd()).settings
            before = _predecessor(then, earlier, options)
        tally = _Tally(settings.fail_on, annotations, rechecks=earlier is not None)
        tasks = _read(source, settings, tally)
        _run(tasks, out, settings, _Job(options, earlier, before), tally)
    typer.echo(tally.to_text(), nl=False)
    raise typer.Exit(tally.code)


def _read(source: Path, settings: "Settings", tally: "_Tally") -> "Sequence[Task]":
    from reviewer.batch import read_tasks
    from reviewer.errors import InputError

    defaults = {"channel": settings.channel, "stage": settings.stage}
    tasks = read_tasks(source, defaults, on_fault=tally.fault, on_unused=_tell_unused)
    if not tasks:
        raise InputError(f"{source} 里没有可以审核的行。")
    _tell_repeated([task.id for task in tasks])
    return tasks


def _refuse_annotate(targets: "Sequence[Path]", taken: "Sequence[Path]") -> None:
    from reviewer.batch import part_of
    from reviewer.errors import InputError
    from reviewer.formats import get_file_formatter

    names = {name.resolve() for path in taken for name in (path, part_of(path))}
    for target in targets:
        get_file_formatter(target)
        _refuse_special("--annotate", target)
        if target.resolve() in names:
            raise InputError(f"--annotate {target} 是别的输入或输出文件；请换一个。")


def _refuse_special(option: str, path: Path) -> None:
    from reviewer.errors import InputError

    # Writing replaces the name: a link, /dev/stdout for one, would be gone.
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(f"{option} {path} 不是普通文件；请给一个文件名。")


def _refuse_out(out: Path, source: Path) -> None:
    from reviewer.batch import part_of
    from reviewer.errors import InputError

    for path in (out, part_of(out)):
        _refuse_special("--out", path)
        if path.exists() and source.exists() and path.samefile(source):
            raise InputError(f"--out {path} 就是输入文件 {source}；请换一个。")


class _Tally:
    """What came of the rows, and the exit code that says so."""

    def __init__(self, fail_on: "FailOn", annotations: "Annotations", *, rechecks: bool) -> None:
        from reviewer.batch import Changes, Summary

        self._summary = Summary()
        self._changes = Changes() if rechecks else None
        self._annotations = annotations
        self._faults = 0
        self._fail_on = fail_on
        self._codes: set[int] = set()

    def fault(self, fault: "RowError") -> None:
        """Tell of a row that cannot be reviewed."""
        from reviewer.formats.escaping import one_line

        self._faults += 1
        self._annotations.fault(fault)
        typer.echo(f"错误：{one_line(str(fault))}", err=True)

    def line(self, task: "Task", line: "Line") -> None:
        """Count a line of the output."""
        from reviewer.cli.exit_codes import exit_code

        self._summary.add(line.review)
        self._annotations.line(task, line)
        self._codes.add(exit_code(line.review, self._fail_on))
        if self._changes is not None:
            self._changes.add(line)

    def to_text(self) -> str:
        """Return what stands at the end."""
        changes = self._changes.to_text() if self._changes else ""
        return self._summary.to_text(faults=self._faults) + changes

    @property
    def code(self) -> int:
        """The exit code of the whole: see the command."""
        from reviewer.cli.exit_codes import FAULT, FOUND, INCOMPLETE, OK

        codes = self._codes | ({FAULT} if self._faults else set())
        return next((code for code in (FOUND, FAULT, INCOMPLETE) if code in codes), OK)


@dataclass(frozen=True, slots=True)
class _Job:
    """What decides the reviews besides versions; what to compare with, and by which manual that was."""

    options: "Mapping[str, object]"
    earlier: "Earlier | None"
    before: "Predecessor | None"


def _earlier(recheck: Path, out: Path) -> "Earlier":
    from reviewer.batch import Earlier, part_of
    from reviewer.errors import InputError

    for path in (out, part_of(out)):
        if recheck.exists() and path.exists() and recheck.samefile(path):
            raise InputError(f"--recheck 就是 --out 要写的 {path}，旧结果会被替换；请换一个 --out。")
    return Earlier(recheck)


def _predecessor(
    then: "Settings", earlier: "Earlier | None", options: "Mapping[str, object]"
) -> "Predecessor":
    from reviewer.batch import Predecessor
    from reviewer.errors import CorpusError, InputError
    from reviewer.fingerprint import fingerprint
    from reviewer.folders import corpus_folder
    from reviewer.manual.catalogue import load_catalogue
    from reviewer.manual.imported import CATALOGUE_FILE

    if earlier is None:
        raise InputError("--old-manual 要和 --recheck 一起给。")
    folder = corpus_folder(then)
    if not (folder / CATALOGUE_FILE).is_file():
        raise InputError(
            f"--old-manual {folder} 不是手册（没有 {CATALOGUE_FILE}）；请给旧手册的目录，或登记的名字。"
        )
    try:
        catalogue = load_catalogue(folder)
    except CorpusError as cause:
        raise InputError(f"--old-manual {folder}：{cause}") from cause
    if catalogue.content_hash not in earlier.manuals:
        raise InputError(
            f"--old-manual {folder}（{catalogue.content_hash}）不是旧结果用的手册"
            f"（{'、'.join(earlier.manuals) or '无'}）；请给那份手册，或不给。"
        )
    return Predecessor(catalogue, {**options, "fingerprint": fingerprint(then)})


def _run(tasks: "Sequence[Task]", out: Path, settings: "Settings", job: _Job, tally: _Tally) -> None:
    from reviewer.batch import Conditions, Keeper, open_output, run_batch
    from reviewer.bootstrap import Reviewer
    from reviewer.cli.progress import shown_progress

    # What cannot be written is refused before the models are loaded.
    with (
        open_output(out) as output,
        shown_progress(logged=True) as progress,
        Reviewer.from_settings(settings, progress=progress) as reviewer,
    ):
        conditions = Conditions(reviewer.pipeline.versions, job.options)
        rewrite, all_rules = settings.rewrite, bool(job.options["all_rules"])
        keeper = job.earlier and Keeper(job.earlier, reviewer.pipeline, conditions, job.before, rewrite)

        def judge(request: "ReviewRequest", /) -> "Review":
            kept = keeper.kept(request) if keeper else None
            return kept or reviewer.review(request, rewrite=rewrite, all_rules=all_rules)

        run_batch(
            tasks,
            output,
            judge,
            conditions,
            was=job.earlier.was if job.earlier else lambda _request: None,
            on_fault=tally.fault,
            on_line=tally.line,
            on_done=lambda done, total: progress.bytes_done("批量审核", done, total),
        )


def _options(settings: "Settings", *, all_rules: bool) -> "Mapping[str, object]":
    from reviewer.fingerprint import fingerprint

    # The fingerprint leaves out what a request to a service brings along.
    return {
        "fingerprint": fingerprint(settings),
        "deadline_ms": settings.deadline_ms,
        "rewrite": settings.rewrite,
        "all_rules": all_rules,
    }


def _tell_repeated(ids: "Sequence[str]") -> None:
    from collections import Counter

    from reviewer.formats.escaping import one_line

    if repeated := [one_line(name) for name, count in Counter(ids).items() if count > 1]:
        typer.echo(f"提示：这些 id 不止一行：{'、'.join(repeated)}。", err=True)


def _tell_unused(columns: "Sequence[str]") -> None:
    from reviewer.formats.escaping import one_line

    typer.echo(f"提示：没有用到这些列：{'、'.join(map(one_line, columns))}。", err=True)
