"""``reviewer train rewriter``: teach the language model to write compliant replies."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.options import Corpus, Home, Model, Threads
from reviewer.cli.training import Data, Epochs, Out, Rate, Seed, need_packages, read_sides

if TYPE_CHECKING:
    from reviewer.models.adapter import AdapterCard


def rewriter(
    out: Out,
    data: Data = None,
    dev: Annotated[
        list[Path] | None, typer.Option("--dev", help="训练中和训练后用来测指标的标注文件，可多次给出。")
    ] = None,
    layers: Annotated[int, typer.Option("--layers", min=1, help="最上面几层参加训练。")] = 8,
    rank: Annotated[int, typer.Option("--rank", min=1, max=256, help="LoRA 的秩。")] = 16,
    epochs: Epochs = 2,
    rate: Rate = 3e-4,
    limit: Annotated[int, typer.Option("--limit", min=0, help="最多用几条改写，0 表示全部。")] = 0,
    seed: Seed = 0,
    model: Model = None,
    threads: Threads = None,
    corpus: Corpus = None,
    home: Home = None,
) -> None:
    """训练语言模型写合规改写的 LoRA，可续训；两核上每千条样本一轮约半小时。"""
    from reviewer.cli.progress import shown_progress
    from reviewer.cores import usable_cores
    from reviewer.folders import corpus_folder
    from reviewer.manual.catalogue import load_catalogue
    from reviewer.models.resolve import resolve_model
    from reviewer.prompting import load_rewriter_prompts
    from reviewer.resources import resource_dir
    from reviewer.rewriting import load_wordings
    from reviewer.settings import load_settings
    from reviewer.training.rewriter import RewriterRecipe

    need_packages()
    given = {"model": model, "threads": threads, "corpus": corpus, "home": home}
    settings = load_settings(given, cwd=Path.cwd()).settings
    catalogue = load_catalogue(corpus_folder(settings))
    labelled, held_out = read_sides(data, dev, catalogue)
    recipe = RewriterRecipe(
        layers=layers, rank=rank, epochs=epochs, alpha=2.0 * rank, rate=rate, limit=limit, seed=seed
    )
    with shown_progress(logged=True) as progress:
        from reviewer.training.rewriter.run import Task, train_rewriter

        task = Task(
            data=labelled,
            held_out=held_out,
            catalogue=catalogue,
            wordings=load_wordings(corpus_folder(settings), catalogue),
            prompts=load_rewriter_prompts(resource_dir("prompts")),
            base=resolve_model(settings.model, settings.home),
            recipe=recipe,
        )
        card = train_rewriter(task, out, n_threads=settings.threads or usable_cores(), progress=progress)
    _print(card, out)


def _print(card: "AdapterCard", out: Path) -> None:
    from reviewer.training.rewriter.figures import LABELS

    typer.echo(f"改写适配器已写入 {out}；说明见 {out / 'card.json'}")
    for name, value in card.figures.items():
        typer.echo(f"  {LABELS.get(name, name)}：{value:.3f}")
    typer.echo(f"试用：REVIEWER_REWRITER_ADAPTER={out} reviewer check --rewriter model …")
