"""The command line: registers the commands, renders errors, decides the exit code.

Heavy modules are imported inside the commands, so that ``reviewer --help`` stays quick.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from reviewer.cli import batch, check, doctor, index, manual, models, serve, train
from reviewer.cli import eval as evaluate
from reviewer.cli.exit_codes import FAULT, INCOMPLETE
from reviewer.cli.options import PrintConfig
from reviewer.errors import ReviewerError

# What Typer returns, instead of raising, when Ctrl-C was pressed.
_TYPER_INTERRUPTED = 130

app = typer.Typer(
    name="reviewer",
    help="离线审核客服回复：指出违反了手册的哪一条、在哪一句、为什么，并给出合规的改写。",
    epilog="退出码：0 没有达到 --fail-on 的问题；1 有；2 用法或运行错误；3 未能审完（未审不等于通过）。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("check")(check.check)
app.command("batch")(batch.batch)
app.command("doctor")(doctor.doctor)
app.add_typer(evaluate.app, name="eval")
app.add_typer(index.app, name="index")
app.add_typer(manual.app, name="manual")
app.add_typer(models.app, name="models")
app.add_typer(serve.app, name="serve")
app.add_typer(train.app, name="train")


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    print_config: PrintConfig = False,
    version: Annotated[bool, typer.Option("--version", help="显示版本。")] = False,
) -> None:
    """Options without a command."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"reviewer {installed('reviewer')}")
    elif print_config:
        from reviewer.settings import load_settings
        from reviewer.settings import print_config as render

        typer.echo(render(load_settings({}, cwd=Path.cwd())), nl=False)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(arguments: list[str] | None = None) -> None:
    """Entry point: run a command, turn every deliberate error into one line on standard error."""
    try:
        code = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
    except SystemExit:
        # Typer's answer to a reader who has gone; its 1 would read as "findings".
        code = FAULT
    except ReviewerError as error:
        typer.echo(f"错误：{error}", err=True)
        code = error.exit_code
    except typer.TyperException as error:
        typer.echo(
            f"用法错误：{error.format_message()}（以 - 开头的草稿放在 -- 之后；用法见 reviewer --help）",
            err=True,
        )
        code = FAULT
    except Exception as error:
        typer.echo(f"内部错误：{type(error).__name__}：{error}；请连同命令一起报告。", err=True)
        code = FAULT
        _silence_stdout()
    if code == _TYPER_INTERRUPTED:
        typer.echo("已中断，审核未完成。", err=True)
        code = INCOMPLETE
    sys.exit(code or 0)


def _silence_stdout() -> None:
    """Keep Python from failing once more on what standard output still holds, at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
