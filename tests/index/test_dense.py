from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest

from reviewer.errors import IndexMismatchError, StorageError
from reviewer.index import dense
from reviewer.index.dense import WANTED_RECALL, DenseIndex, Kind, Vectors, recall_of

_VECTORS = np.array([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0], [0, 1, 0]], dtype=np.float32)


def find(
    index: DenseIndex, vector: Vectors, top_k: int, *, among: npt.NDArray[np.bool_] | None = None
) -> list[tuple[int, float]]:
    return index.rank(vector, top_k, among=among).pairs()


def test_search_returns_cosines_best_first_and_ties_by_row() -> None:
    found = find(DenseIndex.build(_VECTORS), np.array([0, 1, 0], dtype=np.float32), 3)

    assert [row for row, _ in found] == [1, 3, 2]
    assert [score for _, score in found] == pytest.approx([1, 1, 0.8])


def test_search_for_more_than_there_is_returns_every_row_once() -> None:
    found = find(DenseIndex.build(_VECTORS), _VECTORS[0], 10**12)

    assert sorted(row for row, _ in found) == [0, 1, 2, 3]


@pytest.mark.parametrize("top_k", [0, -1])
def test_search_for_nothing_returns_nothing(top_k: int) -> None:
    assert find(DenseIndex.build(_VECTORS), _VECTORS[0], top_k) == []


def test_a_vector_that_is_near_to_nothing_returns_nothing() -> None:
    assert find(DenseIndex.build(_VECTORS), np.full(3, np.nan, dtype=np.float32), 4) == []


def test_an_empty_index_returns_nothing() -> None:
    assert find(DenseIndex.build(np.zeros((0, 3), dtype=np.float32)), _VECTORS[0], 5) == []


def test_saved_and_loaded_index_gives_identical_results(tmp_path: Path) -> None:
    index = DenseIndex.build(_VECTORS)
    index.save(tmp_path / "向量.faiss")
    loaded = DenseIndex.load(tmp_path / "向量.faiss", dimension=3, count=4)

    assert (len(loaded), loaded.dimension) == (4, 3)
    assert find(loaded, _VECTORS[2], 4) == find(index, _VECTORS[2], 4)


def test_saving_into_a_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="无法写入索引文件"):
        DenseIndex.build(_VECTORS).save(tmp_path / "missing" / "x.faiss")


@pytest.mark.parametrize(
    "content", [b"", b"not an index", b"IxFI" + b"\xff" * 40], ids=["empty", "text", "huge"]
)
def test_a_file_that_is_no_index_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.faiss"
    path.write_bytes(content)

    with pytest.raises(IndexMismatchError, match="reviewer index build"):
        DenseIndex.load(path, dimension=3, count=4)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.faiss"
    DenseIndex.build(_VECTORS).save(path)
    content = path.read_bytes()

    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(IndexMismatchError):
            DenseIndex.load(path, dimension=3, count=4)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IndexMismatchError):
        DenseIndex.load(tmp_path / "x.faiss", dimension=3, count=4)


@pytest.mark.parametrize(("dimension", "count"), [(4, 4), (3, 5)], ids=["dimension", "count"])
def test_an_index_of_another_shape_is_refused(tmp_path: Path, dimension: int, count: int) -> None:
    DenseIndex.build(_VECTORS).save(tmp_path / "x.faiss")

    with pytest.raises(IndexMismatchError):
        DenseIndex.load(tmp_path / "x.faiss", dimension=dimension, count=count)


def test_an_index_of_another_metric_is_refused(tmp_path: Path) -> None:
    import faiss

    other = faiss.IndexFlatL2(3)
    other.add(_VECTORS)
    faiss.write_index(other, str(tmp_path / "x.faiss"))

    with pytest.raises(IndexMismatchError):
        DenseIndex.load(tmp_path / "x.faiss", dimension=3, count=4)


def make_vectors(count: int, seed: int, *, n_centres: int = 40) -> Vectors:
    """Return unit vectors around centres; of one ``seed`` the first ones are the same for every count."""
    centres = np.random.default_rng(0).standard_normal((n_centres, 16))
    rng = np.random.default_rng(seed)
    around = centres[rng.integers(0, n_centres, count)] + 0.3 * rng.standard_normal((count, 16))
    unit: Vectors = (around / np.linalg.norm(around, axis=1, keepdims=True)).astype(np.float32)
    return unit


_MANY, _QUERIES = make_vectors(3000, 1), make_vectors(100, 2)


@pytest.fixture
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a scan hand on a small part of 3,000 rows, as of 100,000."""
    monkeypatch.setattr(dense, "_CANDIDATES", 60)
    monkeypatch.setattr(dense, "EXACT_UP_TO", 100)
    monkeypatch.setattr(dense, "_SAMPLE", 500)


@pytest.mark.usefixtures("few_candidates")
def test_a_quick_scan_finds_what_exact_search_finds() -> None:
    index, choice = DenseIndex.build_quick(_MANY, _QUERIES)
    judged = make_vectors(100, 3)
    found, nearest = (
        np.array([side.rank(query, 8).scores for query in judged])
        for side in (index, DenseIndex.build(_MANY))
    )

    assert (choice.kind, choice.queries) == ("pq", 100)
    assert WANTED_RECALL <= choice.recall <= 1
    assert recall_of(found, nearest) >= 0.97
    np.testing.assert_allclose(found[:, 0], nearest[:, 0], atol=1e-6)


def test_where_a_quick_scan_does_not_suffice_the_index_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "_CANDIDATES", 8)
    index, choice = DenseIndex.build_quick(_MANY, _QUERIES)

    assert (choice.kind, choice.recall, choice.queries) == ("flat", 1.0, 0)
    assert find(index, _MANY[0], 5) == find(DenseIndex.build(_MANY), _MANY[0], 5)


def test_recall_counts_ties_as_found() -> None:
    nearest = np.array([[0.9, 0.8], [0.9, 0.8]], dtype=np.float32)
    found = np.array([[0.9, 0.8], [0.8, 0.7]], dtype=np.float32)

    # Of the second query one of two is as near as the second nearest.
    assert recall_of(found, nearest) == pytest.approx(0.75)


def build(kind: Kind) -> DenseIndex:
    return DenseIndex.build_quick(_MANY, _QUERIES)[0] if kind == "pq" else DenseIndex.build(_MANY)


@pytest.mark.parametrize("kind", ["flat", "pq"])
@pytest.mark.usefixtures("few_candidates")
def test_asked_for_as_many_as_there_are_every_type_finds_all(kind: Kind) -> None:
    index = build(kind)
    among = np.zeros(len(_MANY), dtype=np.bool_)
    among[[3, 8, 2000]] = True

    assert len(find(index, _QUERIES[0], 10**9)) == len(_MANY)
    exact = sorted(((row, float(_MANY[row] @ _QUERIES[0])) for row in (3, 8, 2000)), key=lambda e: -e[1])
    found = find(index, _QUERIES[0], 5, among=among)
    assert [row for row, _ in found] == [row for row, _ in exact]
    assert [score for _, score in found] == pytest.approx([score for _, score in exact], abs=1e-6)
    assert find(index, _QUERIES[0], 5, among=np.zeros_like(among)) == []


@pytest.mark.parametrize("every", [50, 3], ids=["few", "many"])
@pytest.mark.usefixtures("few_candidates")
def test_a_quick_index_finds_the_nearest_of_those_that_are_allowed(every: int) -> None:
    index, exact = build("pq"), build("flat")
    among = np.zeros(len(_MANY), dtype=np.bool_)
    among[::every] = True

    found, wanted = (
        np.array([side.rank(query, 8, among=among).scores for query in _QUERIES]) for side in (index, exact)
    )
    assert recall_of(found, wanted) >= 0.98
    assert all(among[index.rank(query, 8, among=among).rows].all() for query in _QUERIES)


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.usefixtures("few_candidates")
def test_ranks_beyond_the_found_are_estimated(restricted: bool) -> None:
    index = build("pq")
    among = np.arange(len(_MANY)) % 2 == 0 if restricted else None
    whole = DenseIndex.build(_MANY).rank(_QUERIES[0], len(_MANY), among=among)
    rows, true = whole.rows[[3, 300, 1000, 1400]], np.array([4, 301, 1001, 1401])

    ranks, cosines = index.rank(_QUERIES[0], 50, among=among).places(rows)
    assert ranks[0] == 4
    # Each of 500 sampled vectors stands for six of 3,000; their count errs by some ten.
    assert np.abs(ranks - true).max() < 200
    np.testing.assert_allclose(cosines, _MANY[rows] @ _QUERIES[0], atol=1e-6)


@pytest.mark.parametrize("kind", ["flat", "pq"])
@pytest.mark.usefixtures("few_candidates")
def test_a_mapped_index_answers_like_the_one_in_memory(tmp_path: Path, kind: Kind) -> None:
    index = build(kind)
    path = tmp_path / "x.faiss"
    index.save(path)
    mapped = DenseIndex.load(path, dimension=16, count=3000, kind=kind, mapped=True)
    path.unlink()  # another builder may replace it

    for query in _QUERIES:
        ours, other = mapped.rank(query, 8), index.rank(query, 8)
        assert ours.pairs() == other.pairs()
        np.testing.assert_array_equal(ours.places(np.arange(99)), other.places(np.arange(99)))


def test_equal_vectors_give_an_equal_index(tmp_path: Path) -> None:
    for name in "ab":
        build("pq").save(tmp_path / name)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_dimension_that_is_odd_can_be_scanned() -> None:
    odd = np.ascontiguousarray(_MANY[:, :13])
    odd /= np.linalg.norm(odd, axis=1, keepdims=True)

    assert DenseIndex.build_quick(odd, odd[:50])[1].kind == "pq"


def test_an_index_of_another_type_is_refused(tmp_path: Path) -> None:
    import faiss

    build("pq").save(tmp_path / "quick")
    build("flat").save(tmp_path / "flat")
    other = faiss.IndexRefineFlat(faiss.IndexFlatIP(16))
    other.add(_MANY)
    faiss.write_index(other, str(tmp_path / "other"))

    for name, kind in (("quick", "flat"), ("flat", "pq"), ("other", "pq")):
        with pytest.raises(IndexMismatchError):
            DenseIndex.load(tmp_path / name, dimension=16, count=3000, kind=cast(Kind, kind))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_quick_index_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "x.faiss"
    build("pq").save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])

    with pytest.raises(IndexMismatchError):
        DenseIndex.load(path, dimension=16, count=3000, kind="pq", mapped=True)


def test_building_for_a_quick_scan_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    DenseIndex.build_quick(make_vectors(60, 1), _QUERIES)

    assert capfd.readouterr() == ("", "")
