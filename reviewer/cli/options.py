"""Options that several commands share. A value of None means: not given, the settings decide."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from reviewer.types import Channel, RewriteBy, Stage

_WHERE = "设置"

PrintConfig = Annotated[bool, typer.Option("--print-config", help="显示生效的设置及其来源，然后退出。")]
Home = Annotated[
    Path | None, typer.Option("--home", help="缓存目录（模型、索引、前缀）。", rich_help_panel=_WHERE)
]
Model = Annotated[
    str | None, typer.Option("--model", help="登记的模型名或 GGUF 文件路径。", rich_help_panel=_WHERE)
]
Adapter = Annotated[
    str | None, typer.Option("--adapter", help="auto、none 或 LoRA GGUF 文件路径。", rich_help_panel=_WHERE)
]
Classifier = Annotated[
    str | None,
    typer.Option("--classifier", help="auto、none 或训练所得的分类器目录。", rich_help_panel=_WHERE),
]
RewriterOption = Annotated[
    RewriteBy | None,
    typer.Option(
        "--rewriter",
        help="改写用什么写：auto（先用批准的说法，不行再用模型）、wordings、model。",
        rich_help_panel=_WHERE,
    ),
]
Retriever = Annotated[
    str | None,
    typer.Option("--retriever", help="auto、none 或训练所得的检索器目录。", rich_help_panel=_WHERE),
]
Encoder = Annotated[
    str | None,
    typer.Option(
        "--encoder", help="登记的编码器名，或 sentence-transformers 目录或名称。", rich_help_panel=_WHERE
    ),
]
Corpus = Annotated[
    Path | None,
    typer.Option(
        "--manual", "--corpus", help="另一份手册：目录，或设置 manuals 里登记的名字。", rich_help_panel=_WHERE
    ),
]
Threads = Annotated[
    int | None, typer.Option("--threads", help="线程数，0 表示全部可用的核。", rich_help_panel=_WHERE)
]
ChannelOption = Annotated[Channel | None, typer.Option("--channel", help="渠道。")]
StageOption = Annotated[
    Stage | None, typer.Option("--stage", help="会话阶段；unknown 时不查开场白和结束语。")
]
FailOnOption = Annotated[
    Literal["red", "major", "minor", "never"] | None,
    typer.Option("--fail-on", help="达到此级别的问题使退出码为 1。"),
]
AllRules = Annotated[bool, typer.Option("--all-rules", help="逐条询问全部规则，不经检索筛选。")]
RewriteOption = Annotated[bool | None, typer.Option("--rewrite/--no-rewrite", help="是否给出改写。")]
