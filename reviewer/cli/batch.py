"""``reviewer batch``: review the rows of a file, resumable."""

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
    from collections.abc import Sequence

    from reviewer.batch import Conditions, Task
    from reviewer.bootstrap import Reviewer
    from reviewer.errors import InputError
    from reviewer.schema import Review
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

    退出码：1 有达到 --fail-on 的问题；否则 2 有不能审核的行；否则 3 有没审完的；否则 0。
    """
    from reviewer.batch import read_tasks
    from reviewer.errors import InputError
    from reviewer.settings import load_settings

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
    settings = load_settings(overrides, cwd=Path.cwd()).settings
    _refuse_out(out, source)
    tally = _Tally(settings.fail_on)
    defaults = {"channel": settings.channel, "stage": settings.stage}
    tasks = read_tasks(source, defaults, on_fault=tally.fault, on_unused=_tell_unused)
    if not tasks:
        raise InputError(f"{source} 里没有可以审核的行。")
    _tell_repeated([task.id for task in tasks])
    _run(tasks, out, settings, tally, all_rules=all_rules)
    typer.echo(tally.summary.to_text(faults=tally.faults), nl=False)
    raise typer.Exit(tally.code)


def _refuse_out(out: Path, source: Path) -> None:
    from reviewer.errors import InputError

    # Writing replaces the name: a link, /dev/stdout for one, would be gone.
    for path in (out, out.parent / f"{out.name}.part"):
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise InputError(f"--out {path} 不是普通文件；请给一个文件名。")
        if path.exists() and source.exists() and path.samefile(source):
            raise InputError(f"--out {path} 就是输入文件 {source}；请换一个。")


class _Tally:
    """What came of the rows, and the exit code that says so."""

    def __init__(self, fail_on: "FailOn") -> None:
        from reviewer.batch import Summary

        self.summary = Summary()
        self.faults = 0
        self._fail_on = fail_on
        self._codes: set[int] = set()

    def fault(self, fault: "InputError") -> None:
        """Tell of a row that cannot be reviewed."""
        from reviewer.formats.escaping import one_line

        self.faults += 1
        typer.echo(f"错误：{one_line(str(fault))}", err=True)

    def review(self, review: "Review") -> None:
        """Count a review."""
        from reviewer.cli.exit_codes import exit_code

        self.summary.add(review)
        self._codes.add(exit_code(review, self._fail_on))

    @property
    def code(self) -> int:
        """The exit code of the whole: see the command."""
        from reviewer.cli.exit_codes import FAULT, FOUND, INCOMPLETE, OK

        codes = self._codes | ({FAULT} if self.faults else set())
        return next((code for code in (FOUND, FAULT, INCOMPLETE) if code in codes), OK)


def _run(tasks: "Sequence[Task]", out: Path, settings: "Settings", tally: _Tally, *, all_rules: bool) -> None:
    from reviewer.batch import open_output, run_batch
    from reviewer.bootstrap import Reviewer
    from reviewer.cli.progress import shown_progress

    # What cannot be written is refused before the models are loaded.
    with (
        open_output(out) as output,
        shown_progress(logged=True) as progress,
        Reviewer.from_settings(settings, progress=progress) as reviewer,
    ):
        run_batch(
            tasks,
            output,
            lambda request: reviewer.review(request, rewrite=settings.rewrite, all_rules=all_rules),
            _conditions(reviewer, settings, all_rules=all_rules),
            on_fault=tally.fault,
            on_review=tally.review,
            on_done=lambda done, total: progress.bytes_done("批量审核", done, total),
        )


def _conditions(reviewer: "Reviewer", settings: "Settings", *, all_rules: bool) -> "Conditions":
    from reviewer.batch import Conditions
    from reviewer.fingerprint import fingerprint

    # The fingerprint leaves out what a request to a service brings along.
    options = {
        "fingerprint": fingerprint(settings),
        "deadline_ms": settings.deadline_ms,
        "rewrite": settings.rewrite,
        "all_rules": all_rules,
    }
    return Conditions(reviewer.pipeline.versions, options)


def _tell_repeated(ids: "Sequence[str]") -> None:
    from collections import Counter

    from reviewer.formats.escaping import one_line

    if repeated := [one_line(name) for name, count in Counter(ids).items() if count > 1]:
        typer.echo(f"提示：这些 id 不止一行：{'、'.join(repeated)}。", err=True)


def _tell_unused(columns: "Sequence[str]") -> None:
    from reviewer.formats.escaping import one_line

    typer.echo(f"提示：没有用到这些列：{'、'.join(map(one_line, columns))}。", err=True)
