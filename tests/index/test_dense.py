from pathlib import Path

import numpy as np
import pytest

from reviewer.errors import IndexMismatchError, StorageError
from reviewer.index.dense import DenseIndex

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
