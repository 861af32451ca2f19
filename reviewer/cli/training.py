"""What the commands of ``reviewer train`` share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.packages import require_packages

if TYPE_CHECKING:
    from reviewer.manual.catalogue import Catalogue
    from reviewer.training.data import Labelled

Out = Annotated[Path, typer.Option("--out", "-o", help="结果目录；中断后用同一目录继续。")]
Data = Annotated[
    list[Path] | None,
    typer.Option("--data", help="标注文件（JSONL），可多次给出；默认用仓库里的训练集。"),
]
Epochs = Annotated[int, typer.Option("--epochs", min=1, help="训练几轮。")]
Rate = Annotated[float, typer.Option("--rate", min=0, max=1, help="最高学习率。")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**31, help="随机种子。")]

# Modules a training needs besides what `reviewer check` loads, and the packages they come from.
_PACKAGES = {"torch": "torch", "transformers": "sentence-transformers", "gguf": "gguf"}


def need_packages() -> None:
    """Refuse to begin without the packages of a training.

    Raises:
        SettingsError: one is not installed.
    """
    require_packages(_PACKAGES, work="训练", remedy="请运行 pip install 装上，或重新安装 reviewer")


def read_sides(
    data: list[Path] | None, dev: list[Path] | None, catalogue: "Catalogue"
) -> "tuple[Labelled, Labelled]":
    """Return what is trained on, the repository's training set for None, and what is measured with.

    Raises:
        InputError: a file cannot be used, or the two share an example.
    """
    from reviewer.evaluation.sets import data_folder, files_of
    from reviewer.training.data import read_labelled, refuse_overlap

    labelled = read_labelled(data or files_of("train", data_folder(Path.cwd())), catalogue)
    held_out = read_labelled(dev or [], catalogue)
    refuse_overlap(labelled, held_out)
    return labelled, held_out
