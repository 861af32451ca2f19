"""``reviewer doctor``: one screen that says what is ready and what is not."""

from pathlib import Path

import typer

from reviewer.cli.options import Corpus, Encoder, Home, Model

NOT_READY = 2


def doctor(model: Model = None, encoder: Encoder = None, corpus: Corpus = None, home: Home = None) -> None:
    """检查一遍：版本、手册、模型、索引、前缀缓存、校准，并说明缺什么怎么补。"""
    from reviewer.health import examine
    from reviewer.settings import load_settings

    overrides = {"model": model, "encoder": encoder, "corpus": corpus, "home": home}
    findings = examine(load_settings(overrides, cwd=Path.cwd()).settings)
    for finding in findings:
        mark = {"ok": "✓", "note": "·", "fault": "✗"}[finding.state]
        typer.echo(f"{mark} {finding.name}：{finding.detail}")
        if finding.remedy:
            typer.echo(f"    → {finding.remedy}")
    if any(finding.state == "fault" for finding in findings):
        typer.echo("还不能审核：请先处理标 ✗ 的项。")
        raise typer.Exit(NOT_READY)
    typer.echo("可以审核。")
