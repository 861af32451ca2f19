"""Looks at everything a review needs without loading a model."""

import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from reviewer.classifier.files import identity_of, read_card
from reviewer.cores import usable_cores
from reviewer.encoders import encoder_identity
from reviewer.engines import adapter_path
from reviewer.errors import ManualIndexError, ReviewerError
from reviewer.folders import classifier_folder, corpus_folder, retriever_folder, rewriter_adapter_folder
from reviewer.grading import Conditions, load_calibration
from reviewer.index.store import open_index
from reviewer.manual.catalogue import load_catalogue
from reviewer.models.adapter import read_adapter_card
from reviewer.models.catalog import ModelStatus, list_models
from reviewer.models.packages import install_command
from reviewer.models.registry import find_entry, load_registry
from reviewer.models.resolve import resolve_model
from reviewer.models.retriever import read_retriever
from reviewer.prompting import load_prompts
from reviewer.resources import resource_dir
from reviewer.settings import Settings
from reviewer.wiring import CALIBRATION_FILE

_LIBRARIES = ("llama-cpp-python", "faiss-cpu", "sentence-transformers", "torch", "bm25s")
_LOW_DISK = 2_000_000_000

_Part = Callable[[Settings], "Iterator[Examined]"]


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing looked at: ``fault`` prevents reviews, ``note`` will be made on first use."""

    name: str
    state: Literal["ok", "note", "fault"]
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> list[Examined]:
    """Return what is ready and what is not, in the order in which a review needs it."""
    parts: dict[str, _Part] = {
        "软件": _software,
        "手册": _manual,
        "判断模型": _model,
        "检索模型": _encoder,
        "检索器": _retriever,
        "索引": _index,
        "分类器": _classifier,
        "适配器": _adapter,
        "校准": _calibration,
    }
    return [finding for name, part in parts.items() for finding in _guarded(name, part, settings)]


def _guarded(name: str, part: _Part, settings: Settings) -> Iterator[Examined]:
    """Turn an error of one part into a fault, so that the rest is still shown."""
    try:
        yield from part(settings)
    except (ReviewerError, OSError) as error:
        yield Examined(name, "fault", str(error))


def _software(settings: Settings) -> Iterator[Examined]:
    yield Examined(
        "版本",
        "ok",
        f"reviewer {version('reviewer')}，Python {platform.python_version()}，{usable_cores()} 核",
    )
    missing = [name for name in _LIBRARIES if not _has(name)]
    listed = "，".join(f"{name} {version(name)}" for name in _LIBRARIES if name not in missing)
    if missing:
        yield Examined("依赖", "fault", f"缺少 {'、'.join(missing)}", "重新安装 reviewer")
    else:
        yield Examined("依赖", "ok", listed)
    home = settings.home
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    state: Literal["ok", "note"] = "note" if free < _LOW_DISK else "ok"
    yield Examined("缓存目录", state, f"{home}（可用 {free / 1e9:.1f} GB）")


def _has(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _manual(settings: Settings) -> Iterator[Examined]:
    catalogue = load_catalogue(corpus_folder(settings))
    yield Examined(
        "手册",
        "ok",
        f"{len(catalogue.documents)} 份文档，{len(catalogue.rules)} 条规则，版本 {catalogue.content_hash}",
    )


def _model(settings: Settings) -> Iterator[Examined]:
    status = _status(settings.model, settings)
    if status is not None:
        yield _of_registry("判断模型", status)
        return
    path = Path(settings.model)
    if path.is_file():
        yield Examined("判断模型", "ok", f"{path}（{path.stat().st_size / 1e6:.0f} MB）")
    else:
        yield Examined("判断模型", "fault", f"没有文件 {path}", "改正设置 model")


def _encoder(settings: Settings) -> Iterator[Examined]:
    status = _status(settings.encoder, settings)
    if status is not None:
        yield _of_registry("检索模型", status)
    else:
        yield Examined("检索模型", "note", f"{settings.encoder}（由 sentence-transformers 载入）")


def _retriever(settings: Settings) -> Iterator[Examined]:
    folder = retriever_folder(settings)
    if folder is None:
        yield Examined("检索器", "note", "无：检索模型未经本任务训练")
        return
    card = read_retriever(folder)
    yield Examined("检索器", "ok", f"{card.name}（{card.layers[:12]}）")


def _status(name: str, settings: Settings) -> ModelStatus | None:
    return next((status for status in list_models(settings.home) if status.name == name), None)


def _of_registry(what: str, status: ModelStatus) -> Examined:
    if status.verified:
        return Examined(what, "ok", f"{status.name}，已组装并校验（{status.licence}）")
    if status.installed:
        remedy = f"首次使用时自动组装，或现在运行 reviewer models fetch {status.name}"
        return Examined(what, "note", f"{status.name}，已安装，未组装", remedy)
    entry = find_entry(status.name, load_registry())
    return Examined(what, "fault", f"{status.name}，未安装", install_command(entry, entry.parts))


def _index(settings: Settings) -> Iterator[Examined]:
    status = _status(settings.encoder, settings)
    if status is not None and not status.verified:
        yield Examined("索引", "note", "首次使用时建立", "reviewer index build")
        return
    encoder = resolve_model(settings.encoder, settings.home, kind="encoder")
    catalogue = load_catalogue(corpus_folder(settings))
    try:
        index = open_index(
            settings.home / "index",
            manual_hash=catalogue.content_hash,
            encoder_identity=encoder_identity(settings, encoder),
        )
    except ManualIndexError as error:
        yield Examined("索引", "note", str(error), "下次审核会自动重建")
    else:
        yield Examined("索引", "ok", f"{len(index.passages)} 段，版本 {index.index_identity}")


def _adapter(settings: Settings) -> Iterator[Examined]:
    adapter = adapter_path(settings)
    if adapter is None:
        yield Examined("适配器", "note", "无：语言模型未经本任务训练")
    else:
        yield Examined("适配器", "ok", str(adapter))
    folder = rewriter_adapter_folder(settings)
    if folder is not None:
        trained = read_adapter_card(folder)
        yield Examined("改写适配器", "ok", f"{trained.name}（{trained.adapter[:16]}）")
    states = len(list((settings.home / "prefixes").glob("*.state")))
    yield Examined("前缀缓存", "ok" if states else "note", f"{states} 份" if states else "首次使用时建立")


def _calibration(settings: Settings) -> Iterator[Examined]:
    status = _status(settings.model, settings)
    encoder = _status(settings.encoder, settings)
    if status is None or encoder is None or settings.adapter not in ("auto", "none"):
        yield Examined("校准", "note", "自选的模型或适配器没有随附的校准数据，把握度不可信")
        return
    registry = load_registry()
    resolved = resolve_model(settings.encoder, settings.home, kind="encoder")
    conditions = Conditions(
        model=find_entry(status.name, registry).sha256,
        adapter="",
        prompts=load_prompts(resource_dir("prompts")).content_hash,
        manual=load_catalogue(corpus_folder(settings)).content_hash,
        encoder=encoder_identity(settings, resolved),
        classifier=_classifier_identity(settings),
    )
    calibration = load_calibration(resource_dir("prompts") / CALIBRATION_FILE, conditions)
    if calibration.fitted_on:
        yield Examined("校准", "ok", f"拟合于 {calibration.fitted_on}")
    else:
        yield Examined("校准", "note", "当前模型、提示、手册、检索模型或分类器没有校准数据，把握度不可信")


def _classifier(settings: Settings) -> Iterator[Examined]:
    folder = classifier_folder(settings)
    if folder is None:
        yield Examined("分类器", "note", "无：除确定性检查外的结论仅供参考")
        return
    yield Examined("分类器", "ok", f"{read_card(folder).name}（{_classifier_identity(settings)}）")


def _classifier_identity(settings: Settings) -> str:
    folder = classifier_folder(settings)
    return identity_of(read_card(folder)) if folder else ""
