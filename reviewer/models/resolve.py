"""From what a user wrote in the settings to a model on this disk. Nothing is ever downloaded."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.files import storage_error
from reviewer.models.catalog import fetch_model
from reviewer.models.encoder import Notify, encoder_files
from reviewer.models.hashing import HashCache, Progress
from reviewer.models.registry import ModelEntry, ModelKind, load_registry

_GGUF_MAGIC = b"GGUF"
_KIND_NAMES: dict[ModelKind, str] = {"gguf": "语言模型", "encoder": "检索模型"}


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model ready to be loaded.

    ``path`` is a GGUF file, or the sentence-transformers folder of an encoder. ``sha256`` names its
    content: two models with one hash give the same answers. For the encoder of the registry,
    ``gguf`` is the llama.cpp form of the same weights and ``vocabulary`` the folder of its
    ``UnigramTokenizer``; for any other encoder both are None.
    """

    path: Path
    kind: ModelKind
    sha256: str
    name: str
    gguf: Path | None = None
    vocabulary: Path | None = None


def resolve_model(
    value: str,
    home: Path,
    *,
    kind: ModelKind = "gguf",
    progress: Progress | None = None,
    notify: Notify | None = None,
) -> ResolvedModel:
    """Find the model that ``value`` names, making a registry model ready first if need be.

    The hash of a file or folder is remembered by path, size and modification time: a second start
    costs milliseconds.

    Args:
        value: a name of the registry; else, for ``gguf``, a path to a GGUF file; for ``encoder``, a
            sentence-transformers folder, or the name of a hub model already in the local hub cache.
        home: the cache folder.
        kind: what the model is wanted for.
        progress: as in :func:`reviewer.models.catalog.fetch_model`.
        notify: as there.

    Raises:
        ModelMissingError: there is no such model here, or it is of the other kind.
        ModelCorruptError: the file is not a model, or a registry model is damaged.
        StorageError: a file cannot be read, or the cache not written.
    """
    registry = load_registry()
    for entry in registry:
        if entry.name == value:
            return _from_registry(entry, home, kind=kind, progress=progress, notify=notify)
    known = "、".join(entry.name for entry in registry if entry.kind == kind)
    path = Path(value)
    with contextlib.suppress(RuntimeError):  # "~name" of a user that does not exist is a plain name
        path = path.expanduser()
    if kind == "gguf":
        return _from_file(path, home, known=known)
    if value and path.is_dir():
        return _from_folder(path, home, name=path.resolve().name)
    return _from_folder(_hub_snapshot(value, known=known), home, name=value)


def _from_registry(
    entry: ModelEntry, home: Path, *, kind: ModelKind, progress: Progress | None, notify: Notify | None
) -> ResolvedModel:
    if entry.kind != kind:
        raise ModelMissingError(
            f"{entry.name} 是{_KIND_NAMES[entry.kind]}，不能用作{_KIND_NAMES[kind]}；请检查设置中的模型名。"
        )
    path = fetch_model(entry, home, progress=progress, notify=notify)
    files = encoder_files(entry, home) if kind == "encoder" else None
    return ResolvedModel(
        path=path,
        kind=kind,
        sha256=entry.sha256,
        name=entry.name,
        gguf=files.gguf if files else None,
        vocabulary=files.vocabulary if files else None,
    )


def _from_file(path: Path, home: Path, *, known: str) -> ResolvedModel:
    if not path.is_file():
        raise ModelMissingError(f"找不到模型 {path}：请写 GGUF 文件的路径，或已知的模型名（{known}）。")
    try:
        with path.open("rb") as stream:
            magic = stream.read(len(_GGUF_MAGIC))
    except OSError as cause:
        raise storage_error(path, cause) from cause
    if magic != _GGUF_MAGIC:
        raise ModelCorruptError(f"{path} 不是 GGUF 文件；请换成 llama.cpp 的 GGUF 模型。")
    return ResolvedModel(path=path.absolute(), kind="gguf", sha256=HashCache(home).file(path), name=path.stem)


def _from_folder(folder: Path, home: Path, *, name: str) -> ResolvedModel:
    if not (folder / "modules.json").is_file():
        raise ModelCorruptError(f"{folder} 不是 sentence-transformers 模型目录：缺少 modules.json。")
    return ResolvedModel(
        path=folder.absolute(), kind="encoder", sha256=HashCache(home).folder(folder), name=name
    )


def _hub_snapshot(name: str, *, known: str) -> Path:
    """Return the folder in which the local hub cache holds the model ``name``."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError) as cause:
        raise ModelMissingError(
            f"找不到检索模型 {name}：本机没有这个目录，模型缓存里也没有；"
            f"请先下载到本机再写它的目录，或用已知的模型名（{known}）。"
        ) from cause
