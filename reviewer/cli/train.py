"""``reviewer train``: teach the reviewer from labelled examples."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.options import Corpus, Home, Threads
from reviewer.cli.train_retriever import retriever
from reviewer.cli.train_rewriter import rewriter
from reviewer.cli.training import Data, Epochs, Out, Seed, need_packages, read_sides

if TYPE_CHECKING:
    from reviewer.classifier.files import Card
    from reviewer.settings import Settings

app = typer.Typer(help="训练：用标注样本训练。", no_args_is_help=True, rich_markup_mode=None)
app.command("retriever")(retriever)
app.command("rewriter")(rewriter)

_MOST_LAYERS = 12


@app.callback()
def train() -> None:
    """训练：用标注样本训练。"""


@app.command("grader")
def grader(
    out: Out,
    data: Data = None,
    dev: Annotated[
        list[Path] | None, typer.Option("--dev", help="训练后用来测指标的标注文件，可多次给出。")
    ] = None,
    start: Annotated[
        str, typer.Option("--from", help="从哪个分类器接着训练：none（从头）、auto（随附的）或目录。")
    ] = "none",
    epochs: Epochs = 12,
    encoder_rate: Annotated[
        float, typer.Option("--encoder-rate", min=0, max=1, help="编码器的最高学习率。")
    ] = 1e-4,
    head_rate: Annotated[float, typer.Option("--head-rate", min=0, max=1, help="头的最高学习率。")] = 1e-3,
    frozen_layers: Annotated[
        int, typer.Option("--frozen-layers", min=0, max=_MOST_LAYERS, help="最下面几层不训练。")
    ] = 0,
    seed: Seed = 0,
    threads: Threads = None,
    corpus: Corpus = None,
    home: Home = None,
) -> None:
    """训练判断每条规则的分类器，可续训；两核上每千条样本一轮约几分钟。"""
    from reviewer.cli.progress import shown_progress
    from reviewer.cores import usable_cores
    from reviewer.folders import corpus_folder
    from reviewer.manual.catalogue import load_catalogue
    from reviewer.settings import load_settings
    from reviewer.training.recipe import Recipe

    need_packages()
    settings = load_settings({"threads": threads, "corpus": corpus, "home": home}, cwd=Path.cwd()).settings
    catalogue = load_catalogue(corpus_folder(settings))
    labelled, held_out = read_sides(data, dev, catalogue)
    folder = _start(start, settings)
    # Going on, a dropped delta would be all that the old queries had learned: see training.start.
    keep = Recipe().delta_keep if folder is None else 1.0
    recipe = Recipe(
        epochs=epochs,
        encoder_rate=encoder_rate,
        head_rate=head_rate,
        frozen_layers=frozen_layers,
        seed=seed,
        delta_keep=keep,
    )
    with shown_progress(logged=True) as progress:
        from reviewer.training.grader import Task, train_grader

        task = Task(labelled, held_out, catalogue, recipe, folder)
        n_threads = settings.threads or usable_cores()
        card = train_grader(task, out, settings.home, n_threads=n_threads, progress=progress)
    _print(card, out)


@app.command("average")
def average(
    first: Annotated[Path, typer.Argument(help="一个分类器目录。")],
    second: Annotated[Path, typer.Argument(help="从它接着训练出来的另一个。")],
    out: Annotated[Path, typer.Option("--out", "-o", help="结果目录。")],
    share: Annotated[float, typer.Option("--share", min=0, max=1, help="第二个所占的份额。")] = 0.5,
) -> None:
    """把接着训练前后的两个分类器按份额取平均：两边学到的都留下。"""
    from reviewer.training.average import average as average_weights

    need_packages()
    _print(average_weights(first, second, out, share=share), out)


def _start(value: str, settings: "Settings") -> Path | None:
    from reviewer.errors import ModelMissingError
    from reviewer.folders import classifier_folder

    folder = classifier_folder(settings.model_copy(update={"classifier": value}))
    if folder is None and value == "auto":
        raise ModelMissingError("这个安装里没有随附的分类器；请用 --from none 从头训练，或给出目录。")
    return folder


def _print(card: "Card", out: Path) -> None:
    from reviewer.training.labels import LABELS

    typer.echo(f"分类器已写入 {out}；说明见 {out / 'card.json'}")
    for name, value in card.figures.items():
        typer.echo(f"  {LABELS.get(name, name)}：{value:.3f}")
    typer.echo(
        f"试用：reviewer check --classifier {out} …；把握度在用 eval/calibrate.py 重新校准之前不可信。"
    )
