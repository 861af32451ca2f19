"""From settings to the open index of a manual, built where there is none."""

from dataclasses import dataclass
from pathlib import Path

from reviewer.cores import usable_cores
from reviewer.encoders import building_encoder, close_encoder, query_encoder
from reviewer.errors import IndexMismatchError, IndexMissingError
from reviewer.folders import corpus_folder
from reviewer.index.chunks import chunk_manual
from reviewer.index.encoder import Encoder
from reviewer.index.query import ManualIndex, SearchHit
from reviewer.index.store import build_index, open_index
from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.models.hashing import HashCache
from reviewer.progress import SILENT, Progress
from reviewer.retrieval import IndexRetriever
from reviewer.settings import Settings


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """What ``build_manual_index`` made."""

    folder: Path
    manual_hash: str
    passages: int


def build_manual_index(settings: Settings, *, progress: Progress = SILENT) -> BuiltIndex:
    """Build the index of the manual (without a retriever through sentence-transformers: seconds).

    Raises:
        ReviewerError: manual, model or cache folder cannot be used.
    """
    return _build(settings, load_catalogue(corpus_folder(settings)), progress)


def search_manual(
    settings: Settings, query: str, *, top_k: int, progress: Progress = SILENT
) -> list[SearchHit]:
    """Return the passages of the manual that fit ``query``, best first.

    Raises:
        ManualIndexError: no index, or one that does not fit manual and encoder.
    """
    catalogue = load_catalogue(corpus_folder(settings))
    encoder = query_encoder(settings, notify=progress.note)
    return _open(settings, catalogue, encoder).search(query, encoder=encoder, top_k=top_k)


def open_retriever(settings: Settings, catalogue: Catalogue, progress: Progress = SILENT) -> IndexRetriever:
    """Open the index, building it if need be, and the encoder of its queries.

    Raises:
        ReviewerError: encoder or index cannot be used.
    """
    encoder = query_encoder(settings, notify=progress.note)
    try:
        return IndexRetriever(open_or_build(settings, catalogue, encoder, progress), encoder)
    except BaseException:
        close_encoder(encoder)
        raise


def open_or_build(
    settings: Settings, catalogue: Catalogue, encoder: Encoder, progress: Progress
) -> ManualIndex:
    """Open the index of ``catalogue`` for the queries of ``encoder``, building it first if need be.

    Raises:
        ReviewerError: it cannot be built.
    """
    try:
        return _open(settings, catalogue, encoder)
    except (IndexMissingError, IndexMismatchError):
        progress.note("建立手册索引…")
        _build(settings, catalogue, progress)
        return _open(settings, catalogue, encoder)


def _build(settings: Settings, catalogue: Catalogue, progress: Progress) -> BuiltIndex:
    passages = chunk_manual(catalogue.sections, catalogue.rules)
    n_threads = settings.threads or usable_cores()
    encoder = building_encoder(settings, n_threads=n_threads, notify=progress.note)
    try:
        folder = build_index(
            settings.home / "index",
            passages,
            encoder,
            manual_hash=catalogue.content_hash,
            progress=lambda done, total: progress.items_done("建立索引", done, total),
        )
    finally:
        close_encoder(encoder)
    return BuiltIndex(folder, catalogue.content_hash, len(passages))


def _open(settings: Settings, catalogue: Catalogue, encoder: Encoder) -> ManualIndex:
    return open_index(
        settings.home / "index",
        manual_hash=catalogue.content_hash,
        encoder_identity=encoder.identity,
        digest=HashCache(settings.home).file,
    )
