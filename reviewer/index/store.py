"""Writes an index to disk and opens it again, or refuses.

An index lies in ``<folder>/<manual hash>-<encoder identity>/``: passages, FAISS vectors, BM25 arrays,
and ``meta.json``, which says what it was made from and holds the SHA-256 of every other file. Beside the
indexes, ``.vectors/`` keeps what was embedded, so that the next build embeds only what is new.
"""

import contextlib
import hashlib
import operator
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from reviewer.errors import CorpusError, IndexMismatchError, IndexMissingError
from reviewer.files import ensure_dir, storage_error
from reviewer.index.bm25 import TOKENISER_VERSION, Bm25Index
from reviewer.index.chunks import CHUNKER_VERSION, Passage
from reviewer.index.dense import EXACT, EXACT_UP_TO, Choice, DenseIndex
from reviewer.index.encoder import Encoder, Matrix
from reviewer.index.meta import (
    META_FILE,
    Digest,
    IndexMeta,
    SearchMeta,
    file_hashes,
    read_meta,
    refusal,
    verify_files,
)
from reviewer.index.passages import Columns, MappedPassages
from reviewer.index.query import WHOLE, ManualIndex
from reviewer.index.vectors import Progress, embed
from reviewer.resources import content_hash

PASSAGES_FILE = "passages.json"
DENSE_FILE = "dense.faiss"
BM25_FOLDER = "bm25"

# The longest piece of a passage that recall is measured with; a query is about as long.
_QUERY_CHARS = 60
_QUERIES = 256
_SCRATCH = ".building-"
_ABANDONED_SECONDS = 24 * 3600
# One is enough alone; the others are for builders who race for the same place.
_PUBLISH_ATTEMPTS = 5
_PASSAGES = TypeAdapter(tuple[Passage, ...])


def build_index(
    folder: Path,
    passages: Sequence[Passage],
    encoder: Encoder,
    *,
    manual_hash: str,
    progress: Progress | None = None,
) -> Path:
    """Build the index of ``passages`` below ``folder`` unless an identical one is there already.

    It appears whole or not at all, also on Ctrl-C and with several builders at once. What was embedded
    by then is kept, and the next build goes on there; its result is the same byte for byte.

    Args:
        folder: the parent of all indexes; created if need be.
        passages: at least one.
        encoder: embeds the texts of the passages; tens of milliseconds each.
        manual_hash: content hash of the manual, fit for a file name.
        progress: called with the texts that have a vector and their number.

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
    texts = [text for passage in passages for text in passage.embedded]
    vectors = embed(texts, encoder, folder, progress=progress)
    try:
        with _scratch_folder(folder) as scratch:
            fresh = scratch / target.name
            fresh.mkdir()
            _write(fresh, passages, vectors, encoder, manual_hash=manual_hash)
            _publish(fresh, target, scratch, is_done=is_done)
    except OSError as cause:
        raise storage_error(target, cause) from cause
    return target


def open_index(
    folder: Path, *, manual_hash: str, encoder_identity: str, digest: Digest | None = None
) -> ManualIndex:
    """Open the index of a manual and an encoder. Milliseconds; the encoder is not needed.

    Args:
        folder: the parent of all indexes.
        manual_hash: of the manual.
        encoder_identity: of the encoder.
        digest: gives the SHA-256 of a file of a large index, and may remember it from an earlier look;
            None reads every file in full.

    Raises:
        IndexMissingError: no index has been built below ``folder``.
        IndexMismatchError: those that are there are of another manual, encoder, chunker or tokeniser,
            or a file is missing or damaged.
    """
    target = folder / index_name(manual_hash, encoder_identity)
    if not (target / META_FILE).is_file():
        raise _absence(folder, target)
    meta, meta_bytes = read_meta(target)
    for what, found, wanted in (
        ("手册", meta.manual, manual_hash),
        ("嵌入模型", meta.encoder, encoder_identity),
        ("切分方法", meta.chunker, CHUNKER_VERSION),
        ("分词方法", meta.tokeniser, TOKENISER_VERSION),
    ):
        if found != wanted:
            raise refusal(target, f"{what}与当前的不同")
    mapped = meta.search is not None
    verify_files(target, meta, digest if mapped and digest else _sha256)
    passages, columns = (_mapped_passages if mapped else _read_passages)(target)
    bm25 = Bm25Index.load(target / BM25_FOLDER, mapped=mapped)
    if (len(passages), len(columns.owner), len(bm25)) != (meta.passages, meta.vectors, meta.passages):
        raise refusal(target, "条目数不符")
    dense = DenseIndex.load(
        target / DENSE_FILE,
        dimension=meta.dimension,
        count=meta.vectors,
        kind=meta.search.type if meta.search else "flat",
        mapped=mapped,
    )
    return ManualIndex(
        passages=passages,
        columns=columns,
        dense=dense,
        bm25=bm25,
        encoder_identity=meta.encoder,
        index_identity=content_hash(meta_bytes),
    )


def index_name(manual_hash: str, encoder_identity: str) -> str:
    """Return the name of the folder that an index lies in."""
    return f"{manual_hash}-{encoder_identity}"


@contextlib.contextmanager
def _scratch_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder on the same file system that is gone afterwards, whatever happens.

    What a killed builder left there more than a day ago goes with it.
    """
    for left in folder.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(FileNotFoundError):  # its builder has just ended
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(dir=folder, prefix=_SCRATCH))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write(
    target: Path, passages: Sequence[Passage], vectors: Matrix, encoder: Encoder, *, manual_hash: str
) -> None:
    mapped = len(vectors) > WHOLE
    search = None
    if mapped:
        MappedPassages.write(target, passages)
        Columns.of(passages).save(target)
        dense, choice = _dense_of_size(vectors, passages, encoder)
        search = SearchMeta(type=choice.kind, recall_at_8=round(choice.recall, 4), queries=choice.queries)
    else:
        (target / PASSAGES_FILE).write_bytes(_PASSAGES.dump_json(tuple(passages), indent=1))
        dense = DenseIndex.build(vectors)
    dense.save(target / DENSE_FILE)
    texts = [passage.searchable for passage in passages]
    Bm25Index.build(texts, mapped=mapped).save(target / BM25_FOLDER)
    meta = IndexMeta(
        schema_name="reviewer.index/2" if mapped else "reviewer.index/1",
        manual=manual_hash,
        encoder=encoder.identity,
        dimension=encoder.dimension,
        prompts=encoder.prompts,
        chunker=CHUNKER_VERSION,
        tokeniser=TOKENISER_VERSION,
        passages=len(passages),
        vectors=len(vectors),
        search=search,
        files=file_hashes(target, _sha256),
    )
    (target / META_FILE).write_text(meta.model_dump_json(indent=1, exclude_none=True), encoding="utf-8")


def _dense_of_size(
    vectors: Matrix, passages: Sequence[Passage], encoder: Encoder
) -> tuple[DenseIndex, Choice]:
    """Return the index of the type that fits the number of vectors."""
    if len(vectors) <= EXACT_UP_TO:
        return DenseIndex.build(vectors), EXACT
    # The beginning of a passage, put as a query, lies where queries lie and not on a vector of the index.
    rows = random.Random(0).sample(range(len(passages)), min(_QUERIES, len(passages)))
    queries = encoder.encode_query([passages[row].text[:_QUERY_CHARS] for row in rows])
    return DenseIndex.build_quick(vectors, queries)


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
    return len(found.passages) == len(passages) and all(map(operator.eq, found.passages, passages))


def _absence(folder: Path, target: Path) -> IndexMissingError | IndexMismatchError:
    if target.exists():
        return refusal(target, f"缺少 {META_FILE}")
    if any(folder.glob(f"*/{META_FILE}")):
        return IndexMismatchError(
            f"{folder} 里的索引属于另一版手册或另一个嵌入模型，请运行 reviewer index build 重建。"
        )
    return IndexMissingError(f"还没有建立索引（{folder}），请运行 reviewer index build。")


def _read_passages(target: Path) -> tuple[Sequence[Passage], Columns]:
    try:
        passages = _PASSAGES.validate_json((target / PASSAGES_FILE).read_bytes())
    except (OSError, ValidationError) as cause:
        raise refusal(target, f"{PASSAGES_FILE} 损坏") from cause
    return passages, Columns.of(passages)


def _mapped_passages(target: Path) -> tuple[Sequence[Passage], Columns]:
    try:
        return MappedPassages(target), Columns.load(target)
    except (OSError, EOFError, ValueError) as cause:
        raise refusal(target, "条目部分损坏") from cause


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
