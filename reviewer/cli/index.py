"""``reviewer index``: build and query the index of the manual."""

from pathlib import Path
from typing import Annotated

import typer

from reviewer.cli.options import Corpus, Encoder, Home, Retriever

app = typer.Typer(help="建立和查询手册的索引。", no_args_is_help=True, rich_markup_mode=None)


@app.command("build")
def build(
    corpus: Corpus = None, retriever: Retriever = None, encoder: Encoder = None, home: Home = None
) -> None:
    """建立手册的索引：只计算新增或改过的内容，中断后接着做；手册和模型都没变时结果相同。"""
    from reviewer.cli.progress import shown_progress
    from reviewer.index.meta import read_meta
    from reviewer.indexing import build_manual_index
    from reviewer.settings import load_settings

    overrides = {"corpus": corpus, "retriever": retriever, "encoder": encoder, "home": home}
    settings = load_settings(overrides, cwd=Path.cwd()).settings
    with shown_progress(logged=True) as progress:
        built = build_manual_index(settings, progress=progress)
    typer.echo(f"索引已建立：{built.passages} 段，手册 {built.manual_hash}，位于 {built.folder}")
    meta, _ = read_meta(built.folder)
    if meta.search is not None and meta.search.type == "pq":
        typer.echo(f"手册较大，向量检索用近似方法：对精确检索的 recall@8 实测 {meta.search.recall_at_8:.3f}")


@app.command("search")
def search(
    query: Annotated[str, typer.Argument(help="要查的话。")],
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=100, help="最多几条。")] = 5,
    corpus: Corpus = None,
    retriever: Retriever = None,
    encoder: Encoder = None,
    home: Home = None,
) -> None:
    """查手册：每条给出融合分、两路的分数和出处。"""
    from reviewer.cli.progress import shown_progress
    from reviewer.indexing import search_manual
    from reviewer.settings import load_settings

    overrides = {"corpus": corpus, "retriever": retriever, "encoder": encoder, "home": home}
    settings = load_settings(overrides, cwd=Path.cwd()).settings
    with shown_progress() as progress:
        hits = search_manual(settings, query, top_k=top_k, progress=progress)
    if not hits:
        typer.echo("没有找到相关的内容。")
    for rank, hit in enumerate(hits, start=1):
        passage = hit.passage
        kind = passage.rule_id or ("" if passage.checkable else "仅供参考")
        dense = "—" if hit.dense_score is None else f"{hit.dense_score:.3f}"
        bm25 = "—" if hit.bm25_score is None else f"{hit.bm25_score:.2f}"
        typer.echo(f"{rank}. {hit.score:.4f}（向量 {dense}，词面 {bm25}）{kind}")
        typer.echo(f"   {passage.document}{passage.section}")
        typer.echo("   " + " ".join(passage.text.split())[:120])
