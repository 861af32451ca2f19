"""``reviewer train retriever``: teach the encoder which rules a draft has to do with."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.options import Corpus, Home, Threads
from reviewer.cli.training import Data, Epochs, Out, Rate, Seed, need_packages, read_sides

if TYPE_CHECKING:
    from reviewer.models.retriever import RetrieverCard

_MOST_LAYERS = 11


def retriever(
    out: Out,
    data: Data = None,
    dev: Annotated[
        list[Path] | None, typer.Option("--dev", help="训练后用来测召回的标注文件，可多次给出。")
    ] = None,
    hold_out: Annotated[
        str, typer.Option("--hold-out", help="完全不参加训练的规则，如 A03,C07；召回与其他规则分开报告。")
    ] = "",
    epochs: Epochs = 4,
    rate: Rate = 5e-5,
    batch: Annotated[int, typer.Option("--batch", min=1, max=1024, help="每步几条草稿。")] = 32,
    hard_negatives: Annotated[
        int, typer.Option("--hard-negatives", min=0, max=64, help="每条草稿取几条最易混的规则作反例。")
    ] = 4,
    near_miss_weight: Annotated[
        float,
        typer.Option("--near-miss-weight", min=0, max=1, help="形似而未违反的规则算几分之一条违反。"),
    ] = 0.0,
    frozen_layers: Annotated[
        int, typer.Option("--frozen-layers", min=0, max=_MOST_LAYERS, help="最下面几层不训练。")
    ] = 0,
    seed: Seed = 0,
    threads: Threads = None,
    corpus: Corpus = None,
    home: Home = None,
) -> None:
    """训练检索手册条款的编码器，可续训；两核上每千条违规草稿一轮约几分钟。"""
    from reviewer.cli.progress import shown_progress
    from reviewer.cores import usable_cores
    from reviewer.folders import corpus_folder
    from reviewer.manual.catalogue import load_catalogue
    from reviewer.settings import load_settings
    from reviewer.training.recipe import RetrieverRecipe

    need_packages()
    settings = load_settings({"threads": threads, "corpus": corpus, "home": home}, cwd=Path.cwd()).settings
    catalogue = load_catalogue(corpus_folder(settings))
    labelled, measured = read_sides(data, dev, catalogue)
    recipe = RetrieverRecipe(
        epochs=epochs,
        batch=batch,
        rate=rate,
        hard_negatives=hard_negatives,
        near_miss_weight=near_miss_weight,
        hold_out=tuple(sorted({rule for rule in re.split(r"[,，\s]+", hold_out) if rule})),
        seed=seed,
        frozen_layers=frozen_layers,
    )
    with shown_progress(logged=True) as progress:
        from reviewer.training.retriever import RetrieverTask, train_retriever

        task = RetrieverTask(labelled, measured, catalogue, recipe)
        n_threads = settings.threads or usable_cores()
        card = train_retriever(task, out, settings.home, n_threads=n_threads, progress=progress)
    _print(card, out)


def _print(card: "RetrieverCard", out: Path) -> None:
    from reviewer.training.labels import RECALL_LABELS

    typer.echo(f"检索器已写入 {out}；说明见 {out / 'card.json'}")
    for name, value in card.figures.items():
        typer.echo(f"  {RECALL_LABELS.get(name, name)}：{value:.3f}")
    typer.echo(f"试用：reviewer check --retriever {out} …；把握度在用 eval/calibrate.py 重新校准之前不可信。")
