"""``reviewer serve``: reviews over HTTP; its keys; export of what agents said of the reviews."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.options import (
    Adapter,
    Classifier,
    Corpus,
    Encoder,
    Home,
    Model,
    PrintConfig,
    Retriever,
    RewriteOption,
    Threads,
)
from reviewer.cli.packages import require_packages

if TYPE_CHECKING:
    from reviewer.settings import Settings

app = typer.Typer(help="HTTP 服务：发送前审核、密钥、导出反馈。", rich_markup_mode=None)
key_app = typer.Typer(help="添加、列出、作废密钥。", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(key_app, name="key")

_PACKAGES = {"fastapi": "fastapi", "uvicorn": "uvicorn", "prometheus_client": "prometheus-client"}

KeysOption = Annotated[Path | None, typer.Option("--keys", help="密钥文件。")]
RecordOption = Annotated[Path | None, typer.Option("--record", help="审核记录的数据库文件。")]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option("--host", help="监听的地址。")] = None,
    port: Annotated[int | None, typer.Option("--port", help="端口。")] = None,
    queue: Annotated[int | None, typer.Option("--queue", help="最多排队的请求数。")] = None,
    deadline: Annotated[
        int | None, typer.Option("--deadline-ms", help="每个请求的时限（毫秒，含排队）。")
    ] = None,
    keys: KeysOption = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="各团队策略的 YAML 文件。")] = None,
    record: RecordOption = None,
    retention_days: Annotated[
        int | None, typer.Option("--retention-days", help="记录保留的天数，0 表示一直保留。")
    ] = None,
    cors: Annotated[str | None, typer.Option("--cors", help="允许跨域访问的来源，用逗号隔开。")] = None,
    per_minute: Annotated[
        int | None, typer.Option("--per-minute", help="每把密钥每分钟的请求数，0 表示不限。")
    ] = None,
    max_bytes: Annotated[int | None, typer.Option("--max-bytes", help="请求体的字节数上限。")] = None,
    max_batch: Annotated[int | None, typer.Option("--max-batch", help="一次批量最多几条。")] = None,
    cache: Annotated[int | None, typer.Option("--cache", help="缓存几条审核结果，0 表示不缓存。")] = None,
    log_text: Annotated[
        bool | None, typer.Option("--log-text/--no-log-text", help="日志里是否写草稿（遮盖个人信息）。")
    ] = None,
    record_text: Annotated[
        bool | None, typer.Option("--record-text/--no-record-text", help="记录里是否存对话原文。")
    ] = None,
    rewrite: RewriteOption = None,
    model: Model = None,
    adapter: Adapter = None,
    classifier: Classifier = None,
    retriever: Retriever = None,
    encoder: Encoder = None,
    corpus: Corpus = None,
    threads: Threads = None,
    home: Home = None,
    print_config: PrintConfig = False,
) -> None:
    """启动 HTTP 服务，直到 Ctrl-C 或 SIGTERM；子命令管理密钥、导出反馈。"""
    if context.invoked_subcommand is not None:
        return
    from reviewer.errors import SettingsError
    from reviewer.settings import FROM_DEFAULT, load_settings
    from reviewer.settings import print_config as render

    overrides = {
        "serve_host": host,
        "serve_port": port,
        "serve_queue": queue,
        "serve_deadline_ms": deadline,
        "serve_keys": keys,
        "serve_policy": policy,
        "serve_record": record,
        "serve_retention_days": retention_days,
        "serve_cors": cors,
        "serve_per_minute": per_minute,
        "serve_max_bytes": max_bytes,
        "serve_batch": max_batch,
        "serve_cache": cache,
        "serve_log_text": log_text,
        "serve_record_text": record_text,
        "rewrite": rewrite,
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
        typer.echo(render(loaded), nl=False)
        return
    path = loaded.settings.serve_keys
    if loaded.origins["serve_keys"] != FROM_DEFAULT and not path.exists():
        raise SettingsError(
            f"没有密钥文件 {path}；请核对 --keys，或先运行 reviewer serve key add 名称 --keys。"
        )
    _run(loaded.settings)


@key_app.command("add")
def key_add(
    name: Annotated[str, typer.Argument(help="给谁用：团队或系统的名称，策略和记录按它区分。")],
    keys: KeysOption = None,
) -> None:
    """添加一把密钥并显示一次；以后无法再查看。"""
    from reviewer.service.keys import add_key

    path = _settings(serve_keys=keys).serve_keys
    secret = add_key(path, name)
    typer.echo(secret)
    typer.echo(f"已为“{name}”添加密钥，只显示这一次；散列值存于 {path}", err=True)


@key_app.command("list")
def key_list(keys: KeysOption = None) -> None:
    """列出密钥的名称、添加和作废的时间。"""
    from reviewer.service.keys import read_keys

    for key in read_keys(_settings(serve_keys=keys).serve_keys):
        state = f"{key.revoked} 作废" if key.revoked else "有效"
        typer.echo(f"{key.name}\t{key.created} 添加\t{state}")


@key_app.command("revoke")
def key_revoke(
    name: Annotated[str, typer.Argument(help="要作废的密钥的名称。")], keys: KeysOption = None
) -> None:
    """作废一把密钥；运行中的服务从下一个请求起拒绝它。"""
    from reviewer.service.keys import revoke_key

    revoke_key(_settings(serve_keys=keys).serve_keys, name)
    typer.echo(f"“{name}”的密钥已作废。")


@app.command("export")
def export(
    out: Annotated[Path, typer.Argument(help="写到哪个 JSONL 文件。")],
    record: RecordOption = None,
    corpus: Corpus = None,
) -> None:
    """把坐席的反馈导出为标注样本；只含存了原文的审核。"""
    from reviewer.folders import corpus_folder
    from reviewer.manual.catalogue import load_catalogue
    from reviewer.service.export import export_feedback
    from reviewer.service.record import Record

    settings = _settings(serve_record=record, corpus=corpus)
    record_file = Record(_existing_record(settings.serve_record))
    catalogue = load_catalogue(corpus_folder(settings))
    done = export_feedback(record_file, out, catalogue)
    typer.echo(f"写出 {done.written} 条样本到 {out}")
    if done.undecided:
        typer.echo(f"另有 {done.undecided} 次审核的结论取决于没有判断过的规则，未导出。", err=True)
    if done.elsewhere:
        typer.echo(
            f"另有 {done.elsewhere} 次审核用的是别的手册或改之前的手册，未导出（见 --manual）。", err=True
        )
    if done.without_text:
        typer.echo(f"另有 {done.without_text} 次审核没有存原文，未导出（见 --record-text）。", err=True)


@app.command("forget")
def forget(
    conversation: Annotated[str, typer.Argument(help="会话编号。")], record: RecordOption = None
) -> None:
    """删除一个会话的全部记录和反馈，不论用的是哪把密钥。"""
    from reviewer.service.record import Record

    settings = _settings(serve_record=record)
    opened = Record(_existing_record(settings.serve_record))
    deleted = opened.delete_conversation(conversation, key=None)
    folded = opened.fold()
    opened.close()
    typer.echo(f"删除了 {deleted} 条审核记录。运行中的服务还可能缓存着结果，重启后清空。")
    if not folded:
        typer.echo("另有程序正在读记录，删除的内容还在数据库的日志文件里；请稍后再运行一次。", err=True)


def _existing_record(path: Path) -> Path:
    from reviewer.errors import StorageError

    if not path.exists():
        raise StorageError(f"没有审核记录 {path}；请用 --record 指定。")
    return path


def _settings(**overrides: Path | None) -> "Settings":
    from reviewer.settings import load_settings

    return load_settings(overrides, cwd=Path.cwd()).settings


def _run(settings: "Settings") -> None:
    require_packages(_PACKAGES, work="服务", remedy="请运行 pip install 'reviewer[serve]'")
    from reviewer.bootstrap import Reviewer
    from reviewer.service.server import run_server

    _log_to_stderr()
    address = f"http://{settings.serve_host}:{settings.serve_port}"
    ready = f"正在监听 {address}，模型载入后可用（{address}/readyz）。"
    # Every request has a deadline, so the models are all loaded before the first one.
    timed = settings.model_copy(update={"deadline_ms": settings.serve_deadline_ms})
    run_server(
        settings,
        lambda manuals: Reviewer.from_settings(timed, manuals=manuals),
        on_listening=lambda: typer.echo(ready, err=True),
    )


def _log_to_stderr() -> None:
    """Write the service's own lines, and warnings of its libraries, to standard error."""
    import logging

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("reviewer.service").setLevel(logging.INFO)
