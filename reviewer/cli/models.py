"""``reviewer models``: what is registered, assemble it, prove it."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.options import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reviewer.models.registry import ModelEntry

app = typer.Typer(help="登记、组装和校验模型。", no_args_is_help=True, rich_markup_mode=None)
Names = Annotated[list[str] | None, typer.Argument(help="模型名；不给则是设置里用到的模型。")]


@app.command("list")
def list_(home: Home = None) -> None:
    """列出登记的模型：大小、许可证、是否已安装和组装。"""
    from reviewer.models.catalog import list_models
    from reviewer.settings import load_settings

    settings = load_settings({"home": home}, cwd=Path.cwd()).settings
    for status in list_models(settings.home):
        state = "已组装" if status.verified else "已安装，未组装" if status.installed else "未安装"
        typer.echo(f"{status.name:24}{status.size / 1e6:8.0f} MB  {status.licence:12}{state}")


@app.command("fetch")
def fetch(names: Names = None, home: Home = None) -> None:
    """从已安装的包组装模型到缓存目录，并校验 SHA-256。"""
    from reviewer.cli.progress import shown_progress
    from reviewer.models.catalog import fetch_model

    for entry, folder in _entries(names, home):
        with shown_progress() as progress:
            path = fetch_model(
                entry, folder, progress=partial(progress.bytes_done, entry.name), notify=progress.note
            )
        typer.echo(f"{entry.name}：就绪，{path}")


@app.command("verify")
def verify(names: Names = None, home: Home = None) -> None:
    """重新计算已组装模型的 SHA-256 并与登记的比对。"""
    from reviewer.cli.progress import shown_progress
    from reviewer.models.catalog import check_model

    for entry, folder in _entries(names, home):
        with shown_progress() as progress:
            path = check_model(entry, folder, progress=partial(progress.bytes_done, entry.name))
        typer.echo(f"{entry.name}：校验无误，{path}")


def _entries(names: list[str] | None, home: Path | None) -> "Iterator[tuple[ModelEntry, Path]]":
    """Yield the named models, or those of the settings that are registered, with the cache folder."""
    from reviewer.models.registry import find_entry, load_registry
    from reviewer.settings import load_settings

    settings = load_settings({"home": home}, cwd=Path.cwd()).settings
    registry = load_registry()
    known = {entry.name for entry in registry}
    for name in names or [name for name in (settings.model, settings.encoder) if name in known]:
        yield find_entry(name, registry), settings.home
