"""The index of a large manual: size, time, memory, and what it finds beside exact search and BM25 alone.

    python eval/bench/index_scale.py --passages 100000 --seed 0 -o FILE.json [--real 1000]

The passages are sentences of the shipped manual in new combinations. Their vectors are SYNTHETIC: the
mean of the real vectors of the sentences plus noise, because embedding 100,000 texts takes hours; so the
recall measured on them says that the index finds what exact search finds, and nothing about the encoder.
``--real N`` embeds N such passages and their queries with the encoder and measures the same recall on
them. Milliseconds are of processor time of one thread, in a process of its own for each side; read them
as ratios.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).parent))
from check import median_p95

from reviewer.encoders import building_encoder, close_encoder
from reviewer.folders import corpus_folder
from reviewer.index.bm25 import Bm25Index
from reviewer.index.chunks import Passage, chunk_manual, split_text
from reviewer.index.dense import RECALL_AT, DenseIndex, recall_of
from reviewer.index.encoder import Encoder, HashingEncoder, Matrix
from reviewer.index.fusion import RRF_K, Ranking
from reviewer.index.meta import read_meta
from reviewer.index.query import ManualIndex
from reviewer.index.store import build_index, open_index
from reviewer.index.vectors import embed
from reviewer.manual.catalogue import load_catalogue
from reviewer.models.hashing import HashCache
from reviewer.settings import load_settings

T = TypeVar("T")
R = TypeVar("R")

MANUAL = "bench"
NOISE = 0.1
HEAD = 6
LONGEST_SENTENCE = 60
RULES_IN = 50
QUERY_CHARS = 60


class SyntheticEncoder(HashingEncoder):
    """Gives a text the mean of the vectors of its sentences, and noise that depends on the text."""

    def __init__(self, sentences: Sequence[str], vectors: Matrix) -> None:
        super().__init__(vectors.shape[1])
        # A query may be cut inside a sentence, so a sentence is known by how it begins.
        self._known = {sentence[:HEAD]: row for row, sentence in enumerate(sentences)}
        self._vectors = vectors

    @property
    def identity(self) -> str:
        """Names what it is."""
        return "synthetic"

    def encode_document(self, texts: Sequence[str]) -> Matrix:
        """Return float32 of shape [len(texts), dimension], L2-normalised."""
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *map(self._one, texts)])

    def _one(self, text: str) -> Matrix:
        rows = [self._known[line[:HEAD]] for line in text.split("\n") if line[:HEAD] in self._known]
        noise = np.random.default_rng(zlib.crc32(text.encode())).standard_normal(self.dimension)
        vector = self._vectors[rows].mean(axis=0) if rows else np.zeros(self.dimension)
        vector = vector + NOISE * noise / np.linalg.norm(noise)
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)[None]


class GivenEncoder(HashingEncoder):
    """Knows the vectors of the queries."""

    def __init__(self, queries: Sequence[str], vectors: Matrix, identity: str) -> None:
        super().__init__(vectors.shape[1])
        self._rows = {query: row for row, query in enumerate(queries)}
        self._vectors, self._name = vectors, identity

    @property
    def identity(self) -> str:
        """That of the encoder that embedded the queries."""
        return self._name

    def encode_query(self, texts: Sequence[str]) -> Matrix:
        """Return what was embedded before."""
        return self._vectors[[self._rows[text] for text in texts]]


def main(
    out: Annotated[Path, typer.Option("-o", help="Where the figures go.")] = Path("index_scale.json"),
    passages: Annotated[int, typer.Option(help="How many passages.")] = 100_000,
    queries: Annotated[int, typer.Option(help="How many queries.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the passages and queries.")] = 0,
    real: Annotated[int, typer.Option(help="Passages to embed with the encoder as well.")] = 0,
    side: Annotated[str, typer.Option(hidden=True)] = "",
    work: Annotated[Path, typer.Option(hidden=True)] = Path(),
) -> None:
    """Run the benchmark, or with ``--side`` one searching process of it."""
    if side:
        print(json.dumps(searching(side, work)))
        return
    encoder, sentences = real_encoder()
    cache = load_settings({}, cwd=Path.cwd()).settings.home / "index"
    synthetic = SyntheticEncoder(sentences, embed(sentences, encoder, cache))
    rng = random.Random(seed)
    made = make_passages(sentences, passages, rng)
    figures: dict[str, Any] = {
        "vectors": "synthetic: mean of the real vectors of the sentences, plus noise",
        "passages": passages,
        "queries": queries,
        "seed": seed,
    }
    with tempfile.TemporaryDirectory() as scratch:
        figures |= measure(Path(scratch), made, synthetic, make_queries(made, queries, rng))
    if real:
        figures["real_vectors"] = real_recall(
            made[:real], make_queries(made[:real], queries, rng), encoder, cache
        )
    close_encoder(encoder)
    out.write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")
    print(json.dumps(figures, ensure_ascii=False, indent=1))


def real_encoder() -> tuple[Encoder, list[str]]:
    """Return the encoder of the settings, and the sentences of the shipped manual by distinct beginnings."""
    settings = load_settings({}, cwd=Path.cwd()).settings
    catalogue = load_catalogue(corpus_folder(settings))
    texts = [passage.text for passage in chunk_manual(catalogue.sections, catalogue.rules)]
    parts = (
        part
        for text in texts
        for line in text.split("\n")
        for part in split_text(line, limit=LONGEST_SENTENCE)
    )
    sentences = {part[:HEAD]: part for part in parts if len(part) >= HEAD}
    return building_encoder(settings, n_threads=1, notify=lambda _text: None), list(sentences.values())


def make_passages(sentences: Sequence[str], count: int, rng: random.Random) -> list[Passage]:
    """Return passages of two to five sentences each; every fiftieth states a rule."""
    made = []
    for number in range(count):
        text = "\n".join(rng.sample(sentences, rng.randint(2, 5)))
        rule_id = f"X{number // RULES_IN:05}" if number % RULES_IN == 0 else None
        made.append(Passage(f"p{number}", "《合成》", f"第{number}节", rule_id, True, text, text))
    return made


def make_queries(made: Sequence[Passage], count: int, rng: random.Random) -> list[str]:
    """Return the beginnings of passages, each with a sentence of another: no query is a passage."""
    pairs = [rng.sample(made, 2) for _ in range(count)]
    return [f"{a.text[:QUERY_CHARS]}\n{b.text.split(chr(10))[0]}" for a, b in pairs]


def measure(
    scratch: Path, made: Sequence[Passage], encoder: Encoder, queries: Sequence[str]
) -> dict[str, Any]:
    """Build the index of ``made`` and search it from new processes."""
    begun = time.process_time()
    target = build_index(scratch / "index", made, encoder, manual_hash=MANUAL)
    built = time.process_time() - begun
    meta, _ = read_meta(target)
    size = {path.name: path.stat().st_size for path in target.rglob("*") if path.is_file()}
    begun = time.process_time()
    vectors = embed([passage.searchable for passage in made], encoder, scratch / "index")
    again = time.process_time() - begun
    asked = encoder.encode_query(queries)
    np.savez(scratch / "queries.npz", queries=np.array(queries), vectors=asked)
    np.save(scratch / "vectors.npy", vectors)
    DenseIndex.build(vectors).save(scratch / "flat.faiss")
    sides = {side: run_side(side, scratch) for side in ("ours", "flat")}
    found = {side: figures.pop("found") for side, figures in sides.items()}
    fused = sides["ours"].pop("fused")
    return {
        "search": meta.search.model_dump() if meta.search else "exact, in memory",
        "build_cpu_seconds": round(built, 1),
        "build_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "vectors_from_cache_cpu_seconds": round(again, 1),
        "disk_mb": round(sum(size.values()) / 1e6, 1),
        "disk_mb_by_file": {name: round(count / 1e6, 1) for name, count in size.items() if count > 10**5},
        "dense_recall_at_8": recall_of(np.array(found["ours"]), np.array(found["flat"])),
        "fused_recall_at_8": fused_recall(target.parent, encoder, queries, vectors, fused),
        **sides,
    }


def run_side(side: str, scratch: Path) -> dict[str, Any]:
    """Return the figures of one searching process."""
    command = [sys.executable, __file__, "--side", side, "--work", str(scratch)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def searching(side: str, scratch: Path) -> dict[str, Any]:
    """Open an index twice, as the second time its files are known, and search it with every query."""
    stored = np.load(scratch / "queries.npz")
    queries, vectors = [str(query) for query in stored["queries"]], stored["vectors"]
    begun_with = memory()
    if side == "flat":
        opened, seconds = timed(
            lambda: DenseIndex.load(
                scratch / "flat.faiss", dimension=vectors.shape[1], count=count_of(scratch)
            )
        )
        found, dense = many(lambda vector: opened.rank(vector, RECALL_AT), vectors)
        return {"open_cpu_ms": ms(seconds), "dense": dense, **memory(begun_with), "found": scores(found)}
    digest = HashCache(scratch).file

    def open_it() -> ManualIndex:
        return open_index(scratch / "index", manual_hash=MANUAL, encoder_identity="synthetic", digest=digest)

    first = timed(open_it)[1]
    index, seconds = timed(open_it)
    encoder = GivenEncoder(queries, vectors, "synthetic")
    found, dense = many(lambda vector: index.dense.rank(vector, RECALL_AT), vectors)
    hits, fused = many(lambda query: index.search(query, encoder=encoder, top_k=RECALL_AT), queries)
    return {
        "first_open_cpu_ms": ms(first),
        "open_cpu_ms": ms(seconds),
        "dense": dense,
        "bm25_alone": many(lambda query: index.bm25.rank(query, RECALL_AT), queries)[1],
        "bm25_of_all_tokens": many(index.bm25.scores, queries)[1],
        "bm25_recall_at_8": bm25_recall(index.bm25, queries),
        "search": fused,
        "rank_rules": many(lambda query: index.rank_rules(query, encoder=encoder), queries)[1],
        **memory(begun_with),
        "found": scores(found),
        "fused": [[hit.passage.id for hit in row] for row in hits],
    }


def bm25_recall(index: Bm25Index, queries: Sequence[str]) -> float:
    """Return the share of the eight best by all tokens of a query that a search finds."""
    found, best = [], []
    for query in queries:
        every = index.scores(query)
        best.append(np.sort(every)[::-1][:RECALL_AT])
        found.append(every[index.rank(query, RECALL_AT).rows])
    return recall_of(np.array(found), np.array(best))


def count_of(scratch: Path) -> int:
    """Return how many vectors there are, without reading them."""
    return int(np.load(scratch / "vectors.npy", mmap_mode="r").shape[0])


def timed(work: Callable[[], R]) -> tuple[R, float]:
    """Return what ``work`` returns, and its processor seconds."""
    begun = time.process_time()
    result = work()
    return result, time.process_time() - begun


def many(work: Callable[[T], R], items: Iterable[T]) -> tuple[list[R], dict[str, float]]:
    """Return the results, and median and 95th percentile in milliseconds."""
    results, seconds = zip(*(timed(partial(work, item)) for item in items), strict=True)
    p50, p95 = median_p95(seconds)
    return list(results), {"p50_cpu_ms": ms(p50), "p95_cpu_ms": ms(p95)}


def ms(seconds: float) -> float:
    """Return milliseconds."""
    return round(1000 * seconds, 2)


def memory(before: dict[str, int] | None = None) -> dict[str, int]:
    """Return resident megabytes, the private ones apart from those of mapped files, beyond ``before``."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    kilobytes = {
        line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmHWM", "Rss"))
    }
    names = {"peak_rss_mb": "VmHWM", "private_mb": "RssAnon", "mapped_mb": "RssFile"}
    now = {name: kilobytes[key] // 1024 for name, key in names.items()}
    return now if before is None else now | {"peak_rss_mb_before_opening": before["peak_rss_mb"]}


def scores(found: Sequence[Ranking]) -> list[list[float]]:
    """Return the cosines, one row a query."""
    return [ranking.scores.tolist() for ranking in found]


def fused_recall(
    folder: Path, encoder: Encoder, queries: Sequence[str], vectors: Matrix, found: Sequence[Sequence[str]]
) -> float:
    """Return the share of the eight best of a fusion of both whole rankings that ``found`` holds."""
    index = open_index(folder, manual_hash=MANUAL, encoder_identity=encoder.identity)
    asked = encoder.encode_query(queries)
    rows = np.arange(len(vectors))
    shares = []
    for query, vector, ids in zip(queries, asked, found, strict=True):
        total = np.zeros(len(vectors))
        bm25 = index.bm25.scores(query)
        for ranked in (vectors @ vector, bm25):
            ranks = np.empty(len(vectors))
            ranks[np.lexsort((rows, -ranked))] = 1 + rows
            total += np.where((ranked > 0) | (ranked is not bm25), 1 / (RRF_K + ranks), 0)
        best = {f"p{row}" for row in np.lexsort((rows, -total))[:RECALL_AT]}
        shares.append(len(best & set(ids)) / RECALL_AT)
    return round(float(np.mean(shares)), 4)


def real_recall(
    made: Sequence[Passage], queries: Sequence[str], encoder: Encoder, cache: Path
) -> dict[str, Any]:
    """Return what a quick scan finds among real vectors; half of the queries choose, the others judge."""
    vectors = embed([passage.searchable for passage in made], encoder, cache)
    asked = encoder.encode_query(queries)
    chosen, judged = asked[::2], asked[1::2]
    quick, choice = DenseIndex.build_quick(vectors, chosen)
    exact = DenseIndex.build(vectors)
    found, nearest = ([index.rank(vector, RECALL_AT) for vector in judged] for index in (quick, exact))
    return {
        "passages": len(made),
        "type": choice.kind,
        "recall_at_8": recall_of(np.array(scores(found)), np.array(scores(nearest))),
        "queries": len(judged),
    }


if __name__ == "__main__":
    typer.run(main)
