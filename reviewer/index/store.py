"""Writes an index to disk and opens it again, or refuses.

An index lies in ``<folder>/<manual hash>-<encoder identity>/``: passages, FAISS vectors, BM25 arrays,
and ``meta.json``, which says what it was made from and holds the SHA-256 of every other file.
"""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from reviewer.errors import CorpusError, IndexMismatchError, IndexMissingError, ModelCorruptError
from reviewer.files import ensure_dir, storage_error
from reviewer.index.bm25 import TOKENISER_VERSION, Bm25Index
from reviewer.index.chunks import CHUNKER_VERSION, Passage
from reviewer.index.dense import DenseIndex
from reviewer.index.encoder import Encoder, Matrix, Prompts
from reviewer.index.query import ManualIndex
from reviewer.resources import content_hash

META_FILE = "meta.json"
PASSAGES_FILE = "passages.json"
DENSE_FILE = "dense.faiss"
BM25_FOLDER = "bm25"

Progress = Callable[[int, int], None]

_BATCH = 32
# One is enough alone; the others are for builders who race for the same place.
_PUBLISH_ATTEMPTS = 5
_PASSAGES = TypeAdapter(tuple[Passage, ...])


class IndexMeta(BaseModel):
    """The sidecar: what an index was made from. Holds no times, so equal indexes have equal bytes."""

    schema_name: Literal["reviewer.index/1"] = Field("reviewer.index/1", alias="schema")
    manual: str
    encoder: str
    dimension: int = Field(ge=1)
    prompts: Prompts
    chunker: str
    tokeniser: str
    passages: int = Field(ge=1)
    vectors: int = Field(ge=1)
    files: dict[str, str]

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


def build_index(
    folder: Path,
    passages: Sequence[Passage],
    encoder: Encoder,
    *,
    manual_hash: str,
    progress: Progress | None = None,
) -> Path:
    """Build the index of ``passages`` below ``folder`` unless an identical one is there already.

    It appears whole or not at all, also on Ctrl-C and with several builders at once.

    Args:
        folder: the parent of all indexes; created if need be.
        passages: at least one.
        encoder: embeds the texts of the passages; tens of milliseconds each.
        manual_hash: content hash of the manual, fit for a file name.
        progress: called with the texts embedded so far and their number.

    Returns:
        The folder of the index.

    Raises:
        CorpusError: there are no passages.
        ModelCorruptError: the encoder gives vectors of a wrong shape or not finite.
        StorageError: the folder cannot be written.
    """
    if not passages:
        raise CorpusError("手册里没有可以检索的内容，无法建立索引；请检查 corpus/ 或导入的手册。")
    target = ensure_dir(folder) / index_name(manual_hash, encoder.identity)

    def is_done() -> bool:
        return _holds(target, passages, manual_hash=manual_hash, encoder=encoder)

    if is_done():
        return target
    vectors = _encode(passages, encoder, progress)
    try:
        with _scratch_folder(folder) as scratch:
            fresh = scratch / target.name
            fresh.mkdir()
            _write(fresh, passages, vectors, encoder, manual_hash=manual_hash)
            _publish(fresh, target, scratch, is_done=is_done)
    except OSError as cause:
        raise storage_error(target, cause) from cause
    return target


def open_index(folder: Path, *, manual_hash: str, encoder_identity: str) -> ManualIndex:
    """Load the index of a manual and an encoder. Milliseconds; the encoder is not needed.

    Raises:
        IndexMissingError: no index has been built below ``folder``.
        IndexMismatchError: those that are there are of another manual, encoder, chunker or tokeniser,
            or a file is missing or damaged.
    """
    target = folder / index_name(manual_hash, encoder_identity)
    if not (target / META_FILE).is_file():
        raise _absence(folder, target)
    meta, meta_bytes = _read_meta(target)
    for what, found, wanted in (
        ("手册", meta.manual, manual_hash),
        ("嵌入模型", meta.encoder, encoder_identity),
        ("切分方法", meta.chunker, CHUNKER_VERSION),
        ("分词方法", meta.tokeniser, TOKENISER_VERSION),
    ):
        if found != wanted:
            raise _refuse(target, f"{what}与当前的不同")
    _verify_files(target, meta)
    passages = _read_passages(target, meta)
    bm25 = Bm25Index.load(target / BM25_FOLDER)
    if len(bm25) != meta.passages:
        raise _refuse(target, "条目数不符")
    dense = DenseIndex.load(target / DENSE_FILE, dimension=meta.dimension, count=meta.vectors)
    return ManualIndex(
        passages=passages,
        dense=dense,
        bm25=bm25,
        encoder_identity=meta.encoder,
        index_identity=content_hash(meta_bytes),
    )


def index_name(manual_hash: str, encoder_identity: str) -> str:
    """Return the name of the folder that an index lies in."""
    return f"{manual_hash}-{encoder_identity}"


def _encode(passages: Sequence[Passage], encoder: Encoder, progress: Progress | None) -> Matrix:
    """Return one vector a text, in the order of ``Passage.embedded`` over all passages."""
    report = progress or (lambda _done, _total: None)
    texts = [text for passage in passages for text in passage.embedded]
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
    # A batch takes as long as its longest text: like goes with like.
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    report(0, len(texts))
    for start in range(0, len(texts), _BATCH):
        rows = order[start : start + _BATCH]
        encoded = encoder.encode_document([texts[row] for row in rows])
        if encoded.shape != (len(rows), encoder.dimension) or not np.isfinite(encoded).all():
            raise ModelCorruptError(
                "嵌入模型给出的向量形状不对或不是有限数；请重新获取该模型，或换一个模型。"
            )
        vectors[rows] = encoded
        report(start + len(rows), len(texts))
    return vectors


@contextlib.contextmanager
def _scratch_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder on the same file system that is gone afterwards, whatever happens."""
    scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".building-"))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write(
    target: Path, passages: Sequence[Passage], vectors: Matrix, encoder: Encoder, *, manual_hash: str
) -> None:
    (target / PASSAGES_FILE).write_bytes(_PASSAGES.dump_json(tuple(passages), indent=1))
    DenseIndex.build(vectors).save(target / DENSE_FILE)
    Bm25Index.build([passage.searchable for passage in passages]).save(target / BM25_FOLDER)
    meta = IndexMeta(
        manual=manual_hash,
        encoder=encoder.identity,
        dimension=encoder.dimension,
        prompts=encoder.prompts,
        chunker=CHUNKER_VERSION,
        tokeniser=TOKENISER_VERSION,
        passages=len(passages),
        vectors=len(vectors),
        files=_hashes(target),
    )
    (target / META_FILE).write_text(meta.model_dump_json(indent=1), encoding="utf-8")


def _publish(fresh: Path, target: Path, scratch: Path, *, is_done: Callable[[], bool]) -> None:
    """Move ``fresh`` to ``target`` unless another builder has put as good an index there.

    What is replaced is another version or damaged, so nobody is served from it. A folder cannot
    replace one that is not empty in a single step: the old one steps aside first.
    """
    for attempt in range(_PUBLISH_ATTEMPTS):
        with contextlib.suppress(OSError):
            fresh.rename(target)
            return
        if is_done():
            return
        with contextlib.suppress(FileNotFoundError):
            target.rename(scratch / f"replaced-{attempt}")
    fresh.rename(target)


def _holds(target: Path, passages: Sequence[Passage], *, manual_hash: str, encoder: Encoder) -> bool:
    """Return whether ``target`` is a sound index of exactly these passages."""
    try:
        found = open_index(target.parent, manual_hash=manual_hash, encoder_identity=encoder.identity)
    except (IndexMissingError, IndexMismatchError):
        return False
    return found.passages == tuple(passages)


def _absence(folder: Path, target: Path) -> IndexMissingError | IndexMismatchError:
    if target.exists():
        return _refuse(target, f"缺少 {META_FILE}")
    if any(folder.glob(f"*/{META_FILE}")):
        return IndexMismatchError(
            f"{folder} 里的索引属于另一版手册或另一个嵌入模型，请运行 reviewer index build 重建。"
        )
    return IndexMissingError(f"还没有建立索引（{folder}），请运行 reviewer index build。")


def _read_meta(target: Path) -> tuple[IndexMeta, bytes]:
    try:
        content = (target / META_FILE).read_bytes()
        return IndexMeta.model_validate_json(content), content
    except (OSError, ValidationError) as cause:
        raise _refuse(target, f"{META_FILE} 损坏或版本不符") from cause


def _verify_files(target: Path, meta: IndexMeta) -> None:
    try:
        found = _hashes(target)
    except OSError as cause:
        raise _refuse(target, "有文件无法读取") from cause
    for name in sorted(meta.files.keys() | found.keys()):
        if name not in found:
            raise _refuse(target, f"缺少 {name}")
        if meta.files.get(name) != found[name]:
            raise _refuse(target, f"{name} 损坏或被改动过")


def _read_passages(target: Path, meta: IndexMeta) -> tuple[Passage, ...]:
    try:
        passages = _PASSAGES.validate_json((target / PASSAGES_FILE).read_bytes())
    except (OSError, ValidationError) as cause:
        raise _refuse(target, f"{PASSAGES_FILE} 损坏") from cause
    if (len(passages), sum(len(passage.embedded) for passage in passages)) != (meta.passages, meta.vectors):
        raise _refuse(target, "条目数不符")
    return passages


def _hashes(target: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``target`` but the sidecar, by relative path."""
    paths = sorted(path for path in target.rglob("*") if path.is_file() and path != target / META_FILE)
    return {
        path.relative_to(target).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }


def _refuse(target: Path, why: str) -> IndexMismatchError:
    return IndexMismatchError(f"索引不能用：{why}（{target}），请运行 reviewer index build 重建。")
