"""``reviewer check``: review one draft."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
    PrintConfig,
    Retriever,
    RewriteOption,
    RewriterOption,
    StageOption,
    Threads,
)

if TYPE_CHECKING:
    from rich.console import Console

    from reviewer.bootstrap import Reviewer
    from reviewer.schema import Review, ReviewRequest
    from reviewer.settings import LoadedSettings, Settings

Format = Literal["text", "json", "jsonl", "rdjsonl", "sarif"]


def check(
    draft: Annotated[
        str | None, typer.Argument(help="草稿；- 表示从标准输入读取。", show_default=False)
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="从 UTF-8 文件读取草稿。")] = None,
    customer: Annotated[str, typer.Option("--customer", "-c", help="客户的最后一条消息。")] = "",
    history: Annotated[
        Path | None, typer.Option("--history", help="此前对话的 JSON 文件：[{role, text}]。")
    ] = None,
    channel: ChannelOption = None,
    stage: StageOption = None,
    verified: Annotated[
        bool | None, typer.Option("--verified/--not-verified", help="客户身份是否已核实。")
    ] = None,
    agent_id: Annotated[str, typer.Option("--agent-id", help="可以告知客户的工号。")] = "",
    fact: Annotated[list[str] | None, typer.Option("--fact", help="团队确认的事实，可多次给出。")] = None,
    output: Annotated[Format, typer.Option("--format", help="输出格式。")] = "text",
    fail_on: FailOnOption = None,
    deadline: Annotated[
        int | None, typer.Option("--deadline", help="时限（毫秒，模型就绪后起算）；到时先给出已审的部分。")
    ] = None,
    rewrite: RewriteOption = None,
    rewrite_only: Annotated[
        bool,
        typer.Option("--rewrite-only", help="只输出通过核对的改写；没有或未通过时不输出，在标准错误说明。"),
    ] = False,
    copy: Annotated[bool, typer.Option("--copy", help="把通过核对的改写放进剪贴板。")] = False,
    all_rules: AllRules = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="在标准错误说明用了运行中的服务还是自己载入模型。")
    ] = False,
    model: Model = None,
    adapter: Adapter = None,
    classifier: Classifier = None,
    rewriter: RewriterOption = None,
    retriever: Retriever = None,
    encoder: Encoder = None,
    corpus: Corpus = None,
    threads: Threads = None,
    home: Home = None,
    print_config: PrintConfig = False,
) -> None:
    """审核一条草稿：判定、违反的规则及原文、位置、理由和改写。"""
    from reviewer.cli.reading import read_draft, read_history
    from reviewer.request import conversation_of, request_of
    from reviewer.settings import load_settings
    from reviewer.settings import print_config as render_config

    if rewrite is False and (rewrite_only or copy):
        raise typer.BadParameter("--rewrite-only 和 --copy 需要改写，不能与 --no-rewrite 同用")
    if rewrite_only and output != "text":
        raise typer.BadParameter("--rewrite-only 只输出回复，不能与 --format 同用")
    overrides = {
        "channel": channel,
        "stage": stage,
        "fail_on": fail_on,
        "deadline_ms": deadline,
        "rewrite": True if rewrite_only or copy else rewrite,
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
    loaded = load_settings(overrides, cwd=Path.cwd())
    if print_config:
        typer.echo(render_config(loaded), nl=False)
        return
    # Standard input is None when the caller closed it.
    stdin = sys.stdin.buffer if sys.stdin else None
    text = read_draft(draft, file, stdin=stdin, interactive=bool(sys.stdin and sys.stdin.isatty()))
    request = request_of(
        {
            "draft": text,
            "customer": customer,
            "history": read_history(history),
            "channel": loaded.settings.channel,
            "stage": loaded.settings.stage,
            "identity_verified": verified,
            "agent_id": agent_id,
            "facts": fact or [],
        }
    )
    # A draft that cannot be reviewed is refused before the model is loaded.
    conversation_of(request)
    wanted = _Wanted(output, str(file or "draft"), rewrite_only, copy, all_rules, verbose)
    raise typer.Exit(_run(request, loaded, wanted))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to print and how; ``path`` names the draft in formats for editors."""

    output: Format
    path: str
    rewrite_only: bool
    copy: bool
    all_rules: bool
    verbose: bool

    @property
    def streams(self) -> bool:
        """Whether a person watches the whole review appear."""
        return self.output == "text" and sys.stdout.isatty() and not self.rewrite_only


def _run(request: "ReviewRequest", loaded: "LoadedSettings", wanted: _Wanted) -> int:
    from reviewer.cli.exit_codes import exit_code
    from reviewer.cli.local_service import ask_service
    from reviewer.formats.text import rich_renderable

    review = ask_service(
        request,
        loaded,
        rewrite=loaded.settings.rewrite,
        all_rules=wanted.all_rules,
        say=lambda line: typer.echo(line, err=True) if wanted.verbose else None,
    )
    if review is None:
        review = _review_here(request, loaded.settings, wanted)
    elif wanted.streams:
        _console().print(rich_renderable(review))
    else:
        _show(review, wanted)
    if wanted.copy:
        from reviewer.cli.clipboard import copy_rewrite

        typer.echo(copy_rewrite(review), err=True)
    return exit_code(review, loaded.settings.fail_on)


def _review_here(request: "ReviewRequest", settings: "Settings", wanted: _Wanted) -> "Review":
    """Load the models, review, and print."""
    from reviewer.bootstrap import Reviewer
    from reviewer.cli.progress import shown_progress

    with shown_progress() as progress:
        reviewer = Reviewer.from_settings(settings, progress=progress)
    with reviewer:
        if wanted.streams:
            return _stream(reviewer, request, rewrite=settings.rewrite, all_rules=wanted.all_rules)
        review = reviewer.review(request, rewrite=settings.rewrite, all_rules=wanted.all_rules)
    _show(review, wanted)
    return review


def _show(review: "Review", wanted: _Wanted) -> None:
    from reviewer.formats import get_formatter
    from reviewer.formats.escaping import visible
    from reviewer.formats.text import rewrite_remark

    if not wanted.rewrite_only:
        _write(get_formatter(wanted.output)(review, wanted.path))
        return
    text = review.rewrite.text
    # In a pipe only the exit code would tell an unverified text from a verified one, and it does not.
    if review.rewrite.status == "verified":
        _write((visible(text) if sys.stdout.isatty() else text) + "\n")
    if remark := rewrite_remark(review):
        typer.echo(remark, err=True)


def _write(text: str) -> None:
    """Write to standard output; a reader who has gone does not change what the review says."""
    try:
        typer.echo(text, nl=False)
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _console() -> "Console":
    from rich.console import Console

    from reviewer.formats.text import wants_colour

    return Console(no_color=not wants_colour(os.environ, is_terminal=True), highlight=False)


def _stream(reviewer: "Reviewer", request: "ReviewRequest", *, rewrite: bool, all_rules: bool) -> "Review":
    """Print the verdict as soon as it stands, the rewrite as it is written, its status at the end."""
    from reviewer.formats.text import RewriteStream, rewrite_footer, rewrite_header, verdict_block
    from reviewer.pipeline import Listener

    console = _console()
    stream = RewriteStream()

    def on_text(piece: str) -> None:
        if not stream.text:
            console.print(rewrite_header())
        sys.stdout.write(stream.feed(piece))
        sys.stdout.flush()

    listener = Listener(verdict=lambda review: console.print(verdict_block(review)), rewrite_text=on_text)
    review = reviewer.review(request, rewrite=rewrite, all_rules=all_rules, listener=listener)
    if stream.text:
        sys.stdout.write("\n")
    console.print(rewrite_footer(review, streamed=stream.text))
    return review
