from pathlib import Path
from typing import cast

import numpy as np
import pytest

from reviewer.errors import IndexMismatchError, StorageError
from reviewer.index.dense import WANTED_RECALL, DenseIndex, Kind, Vectors, recall_of

_VECTORS = np.array([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0], [0, 1, 0]], dtype=np.float32)


def test_search_returns_cosines_best_first_and_ties_by_row() -> None:
    found = DenseIndex.build(_VECTORS).search(np.array([0, 1, 0], dtype=np.float32), 3)

    assert [row for row, _ in found] == [1, 3, 2]
    assert [score for _, score in found] == pytest.approx([1, 1, 0.8])


def test_search_for_more_than_there_is_returns_every_row_once() -> None:
    found = DenseIndex.build(_VECTORS).search(_VECTORS[0], 10**12)

    assert sorted(row for row, _ in found) == [0, 1, 2, 3]


@pytest.mark.parametrize("top_k", [0, -1])
def test_search_for_nothing_returns_nothing(top_k: int) -> None:
    assert DenseIndex.build(_VECTORS).search(_VECTORS[0], top_k) == []


def test_a_vector_that_is_near_to_nothing_returns_nothing() -> None:
    assert DenseIndex.build(_VECTORS).search(np.full(3, np.nan, dtype=np.float32), 4) == []


def test_an_empty_index_returns_nothing() -> None:
    assert DenseIndex.build(np.zeros((0, 3), dtype=np.float32)).search(_VECTORS[0], 5) == []


def test_saved_and_loaded_index_gives_identical_results(tmp_path: Path) -> None:
    index = DenseIndex.build(_VECTORS)
    index.save(tmp_path / "向量.faiss")
    loaded = DenseIndex.load(tmp_path / "向量.faiss", dimension=3, count=4)

    assert (len(loaded), loaded.dimension) == (4, 3)
    assert loaded.search(_VECTORS[2], 4) == index.search(_VECTORS[2], 4)


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


def test_lists_find_what_exact_search_finds() -> None:
    index, choice = DenseIndex.build_lists(_MANY, _QUERIES)
    judged = make_vectors(100, 3)
    found, nearest = (
        np.array([[score for _, score in side.search(query, 8)] for query in judged], dtype=np.float32)
        for side in (index, DenseIndex.build(_MANY))
    )

    assert (choice.kind, choice.queries) == ("ivf", 100)
    assert WANTED_RECALL <= choice.recall <= 1
    assert choice.probes < choice.lists // 4
    assert recall_of(found, nearest) >= 0.97


def test_more_lists_are_probed_until_the_recall_suffices() -> None:
    # Vectors without any structure, of which no list holds many neighbours.
    rng = np.random.default_rng(0)
    loose, queries = (rng.standard_normal((count, 8)).astype(np.float32) for count in (6000, 50))
    loose /= np.linalg.norm(loose, axis=1, keepdims=True)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)

    _, choice = DenseIndex.build_lists(loose, queries)
    assert choice.kind == "ivf"
    assert choice.probes > 8
    assert choice.recall >= WANTED_RECALL


def test_where_lists_do_not_suffice_the_index_is_exact() -> None:
    rng = np.random.default_rng(0)
    loose = rng.standard_normal((1000, 64)).astype(np.float32)
    index, choice = DenseIndex.build_lists(loose, rng.standard_normal((50, 64)).astype(np.float32))

    assert (choice.kind, choice.lists, choice.probes, choice.recall) == ("flat", 0, 0, 1.0)
    assert index.search(loose[0], 5) == DenseIndex.build(loose).search(loose[0], 5)


def test_recall_counts_ties_as_found() -> None:
    nearest = np.array([[0.9, 0.8], [0.9, 0.8]], dtype=np.float32)
    found = np.array([[0.9, 0.8], [0.8, 0.7]], dtype=np.float32)

    # Of the second query one of two is as near as the second nearest.
    assert recall_of(found, nearest) == pytest.approx(0.75)


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_asked_for_as_many_as_there_are_every_type_finds_all(kind: Kind) -> None:
    index = DenseIndex.build_lists(_MANY, _QUERIES)[0] if kind == "ivf" else DenseIndex.build(_MANY)
    among = np.zeros(len(_MANY), dtype=np.bool_)
    among[[3, 8, 2000]] = True

    assert len(index.search(_QUERIES[0], 10**9)) == len(_MANY)
    exact = sorted(((row, float(_MANY[row] @ _QUERIES[0])) for row in (3, 8, 2000)), key=lambda e: -e[1])
    found = index.search(_QUERIES[0], 5, among=among)
    assert [row for row, _ in found] == [row for row, _ in exact]
    assert [score for _, score in found] == pytest.approx([score for _, score in exact], abs=1e-6)
    assert index.search(_QUERIES[0], 5, among=np.zeros_like(among)) == []


def test_rows_that_lie_far_apart_are_found_in_lists() -> None:
    index, choice = DenseIndex.build_lists(_MANY, _QUERIES)
    among = np.zeros(len(_MANY), dtype=np.bool_)
    among[::50] = True
    exact = DenseIndex.build(_MANY)

    # With the probes of an unrestricted search, most lists would not be looked at.
    assert choice.probes * 4 < choice.lists
    for query in _QUERIES:
        found, wanted = (side.search(query, 8, among=among) for side in (index, exact))
        assert [row for row, _ in found] == [row for row, _ in wanted]


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_a_mapped_index_answers_like_the_one_in_memory(tmp_path: Path, kind: Kind) -> None:
    index = DenseIndex.build_lists(_MANY, _QUERIES)[0] if kind == "ivf" else DenseIndex.build(_MANY)
    path = tmp_path / "x.faiss"
    index.save(path)
    mapped = DenseIndex.load(path, dimension=16, count=3000, kind=kind, mapped=True)
    path.unlink()  # another builder may replace it

    assert all(mapped.search(query, 8) == index.search(query, 8) for query in _QUERIES)


def test_equal_vectors_give_equal_lists(tmp_path: Path) -> None:
    for name in "ab":
        DenseIndex.build_lists(_MANY, _QUERIES)[0].save(tmp_path / name)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_index_of_another_type_is_refused(tmp_path: Path) -> None:
    DenseIndex.build_lists(_MANY, _QUERIES)[0].save(tmp_path / "lists")
    DenseIndex.build(_MANY).save(tmp_path / "flat")

    for name, kind in (("lists", "flat"), ("flat", "ivf")):
        with pytest.raises(IndexMismatchError):
            DenseIndex.load(tmp_path / name, dimension=16, count=3000, kind=cast(Kind, kind))


def test_building_lists_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    DenseIndex.build_lists(make_vectors(60, 1), _QUERIES)

    assert capfd.readouterr() == ("", "")
