import json
import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.errors import IndexMismatchError
from reviewer.index import bm25
from reviewer.index.bm25 import Bm25Index, tokenise

_TEXTS = ["退款三个工作日到账", "发票可以开电子版", "维修工程师上门 VIP 2024", "！！！"]


def find(
    index: Bm25Index, query: str, top_k: int, *, among: npt.NDArray[np.bool_] | None = None
) -> list[tuple[int, float]]:
    return index.rank(query, top_k, among=among).pairs()


def test_tokens_are_characters_pairs_and_ascii_words() -> None:
    assert tokenise("退款了，VIP 24小时") == [
        "退",
        "款",
        "了",
        "退款",
        "款了",
        "vip",
        "24",
        "小",
        "时",
        "小时",
    ]


def test_ascii_words_stay_apart() -> None:
    assert tokenise("call center") == ["call", "center"]


@pytest.mark.parametrize("text", ["退 款", "退\u200b款", "退款"], ids=["blank", "invisible", "plain"])
def test_typing_tricks_do_not_change_the_tokens(text: str) -> None:
    assert tokenise(text) == ["退", "款", "退款"]


@pytest.mark.parametrize("text", ["", " \n", "！？…~", "😀😀"], ids=["empty", "blank", "marks", "emoji"])
def test_text_without_letters_has_no_tokens(text: str) -> None:
    assert tokenise(text) == []


def test_search_finds_the_text_that_shares_most() -> None:
    found = find(Bm25Index.build(_TEXTS), "退款什么时候到账", 4)

    assert found[0][0] == 0
    assert all(score > 0 for _, score in found)


def test_traditional_query_finds_simplified_text() -> None:
    index = Bm25Index.build(_TEXTS)

    assert find(index, "發票", 4) == find(index, "发票", 4)
    assert [row for row, _ in find(index, "發票", 4)] == [1]


def test_full_width_query_finds_ascii_word() -> None:
    assert [row for row, _ in find(Bm25Index.build(_TEXTS), "ＶＩＰ", 4)] == [2]


@pytest.mark.parametrize(
    "query", ["", "   ", "！！！", "猫狗鱼鸟"], ids=["empty", "blank", "marks", "unknown"]
)
def test_a_query_without_known_tokens_finds_nothing(query: str) -> None:
    index = Bm25Index.build(_TEXTS)

    assert find(index, query, 4) == []
    assert index.scores(query).tolist() == [0, 0, 0, 0]


def test_unknown_tokens_beside_known_ones_change_nothing() -> None:
    index = Bm25Index.build(_TEXTS)

    assert find(index, "发票猫", 4) == find(index, "发票", 4)


def test_search_for_more_than_there_is_returns_matches_only() -> None:
    assert [row for row, _ in find(Bm25Index.build(_TEXTS), "发票", 100)] == [1]


def test_equal_scores_are_ordered_by_row() -> None:
    assert [row for row, _ in find(Bm25Index.build(["退款"] * 5), "退款", 3)] == [0, 1, 2]


def test_texts_without_tokens_can_be_indexed() -> None:
    index = Bm25Index.build(["！！", "……"])

    assert len(index) == 2
    assert find(index, "！！", 2) == []


def test_saved_and_loaded_index_gives_identical_scores(tmp_path: Path) -> None:
    index = Bm25Index.build(_TEXTS)
    index.save(tmp_path)
    loaded = Bm25Index.load(tmp_path)

    for query in ("退款到账", "工程师上门", "VIP", "没有"):
        np.testing.assert_array_equal(loaded.scores(query), index.scores(query))


def test_a_mapped_index_gives_the_same_scores(tmp_path: Path) -> None:
    index = Bm25Index.build(_TEXTS)
    Bm25Index.build(_TEXTS, mapped=True).save(tmp_path)
    mapped = Bm25Index.load(tmp_path, mapped=True)

    for query in ("退款到账", "工程师上门", "VIP", "没有", "！！"):
        np.testing.assert_allclose(mapped.scores(query), index.scores(query), rtol=1e-6)
    assert json.loads((tmp_path / "vocab.index.json").read_text()) == {}


def test_a_mapped_index_answers_before_and_after_it_is_saved(tmp_path: Path) -> None:
    index = Bm25Index.build(_TEXTS, mapped=True)
    before = find(index, "发票", 3)
    index.save(tmp_path)

    assert [row for row, _ in before] == [1]
    assert find(index, "发票", 3) == before == find(Bm25Index.load(tmp_path, mapped=True), "发票", 3)


def test_a_mapped_index_leaves_out_the_tokens_of_most_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["退款", "退货", "退款到账", "退", "退订"]
    index, whole = Bm25Index.build(texts, mapped=True), Bm25Index.build(texts)

    # 退 stands in five rows, 款 and 退款 in two, 货 and 退货 in one.
    monkeypatch.setattr(bm25, "_POSTINGS", 10)
    assert [row for row, _ in find(index, "退款", 5)] == [0, 2, 3, 1, 4]
    np.testing.assert_allclose(find(index, "退款款", 5), find(whole, "退款款", 5), rtol=1e-6)
    monkeypatch.setattr(bm25, "_POSTINGS", 8)
    assert [row for row, _ in find(index, "退款", 5)] == [0, 2]
    # All tokens count once a row is found, and in the scores of the others.
    np.testing.assert_allclose(find(index, "退款", 5), find(whole, "退款", 2), rtol=1e-6)
    ranks, scores = index.rank("退款", 5).places(np.array([1, 2, 4]))
    np.testing.assert_allclose(scores, whole.scores("退款")[[1, 2, 4]], rtol=1e-6)
    assert ranks.tolist() == [3, 2, 3]
    # Rows that are few enough are all scored, whatever they are found by.
    among = np.array([False, True, False, True, False])
    assert [row for row, _ in find(index, "退款", 2, among=among)] == [3, 1]
    monkeypatch.setattr(bm25, "_POSTINGS", 0)
    assert [row for row, _ in find(index, "退货", 5)] == [1]
    assert len(find(index, "退", 5)) == 5
    np.testing.assert_allclose(index.scores("退款"), whole.scores("退款"), rtol=1e-6)


def test_what_shares_no_token_has_no_rank_beyond_the_found() -> None:
    ranks, scores = Bm25Index.build(_TEXTS, mapped=True).rank("发票退款", 1).places(np.arange(4))

    # The first two hold a token each; neither is ranked behind a row that holds none.
    assert sorted(ranks[:2].tolist()) == [1, 2]
    assert np.isinf(ranks[2:]).all()
    assert scores[2:].tolist() == [0, 0]


@pytest.mark.parametrize("name", ["tokens.npy", "rows.data.npy", "data.csc.index.npy", "params.index.json"])
def test_a_mapped_index_without_a_file_is_refused(tmp_path: Path, name: str) -> None:
    Bm25Index.build(_TEXTS, mapped=True).save(tmp_path)
    (tmp_path / name).unlink()

    with pytest.raises(IndexMismatchError):
        Bm25Index.load(tmp_path, mapped=True)


def test_rows_that_do_not_fit_their_starts_are_refused(tmp_path: Path) -> None:
    Bm25Index.build(_TEXTS, mapped=True).save(tmp_path)
    Bm25Index.build(_TEXTS[:2], mapped=True).save(tmp_path / "other")
    (tmp_path / "other" / "rows.indptr.npy").replace(tmp_path / "rows.indptr.npy")

    with pytest.raises(IndexMismatchError):
        Bm25Index.load(tmp_path, mapped=True)


@pytest.mark.parametrize("mapped", [False, True], ids=["memory", "mapped"])
@given(
    texts=st.lists(st.text(alphabet="退款发票 a1", max_size=6), min_size=1, max_size=12),
    top_k=st.integers(0, 14),
)
@settings(max_examples=40, deadline=None)
def test_the_best_few_are_the_first_of_all(mapped: bool, texts: list[str], top_k: int) -> None:
    index = Bm25Index.build(texts, mapped=mapped)
    among = np.arange(len(texts)) % 3 != 1

    every = find(index, "退款 a1", len(texts))
    assert find(index, "退款 a1", top_k) == every[:top_k]
    allowed = [(row, score) for row, score in every if among[row]]
    assert find(index, "退款 a1", top_k, among=among) == allowed[:top_k]


def test_equal_texts_give_equal_files(tmp_path: Path) -> None:
    Bm25Index.build(_TEXTS).save(tmp_path / "a")
    Bm25Index.build(_TEXTS).save(tmp_path / "b")

    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 5
    # Within one process set order is stable, so equal files alone would not show an unsorted vocabulary.
    vocabulary = json.loads((tmp_path / "a" / "vocab.index.json").read_text(encoding="utf-8"))
    assert list(vocabulary) == sorted(vocabulary)
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


def test_arrays_are_not_pickled(tmp_path: Path) -> None:
    Bm25Index.build(_TEXTS).save(tmp_path)
    arrays = list(tmp_path.glob("*.npy"))

    assert len(arrays) == 3
    assert all(np.load(path, allow_pickle=False).dtype != object for path in arrays)


def test_building_and_loading_is_silent(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    Bm25Index.build(_TEXTS).save(tmp_path)
    find(Bm25Index.load(tmp_path), "退款", 2)

    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert logging.getLogger("bm25s").level == logging.NOTSET


@pytest.mark.parametrize("name", ["params.index.json", "vocab.index.json"])
def test_truncated_json_is_refused(tmp_path: Path, name: str) -> None:
    Bm25Index.build(_TEXTS).save(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])

    with pytest.raises(IndexMismatchError, match="reviewer index build"):
        Bm25Index.load(tmp_path)


@pytest.mark.parametrize("name", ["data", "indices", "indptr"])
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"junk"], ids=["empty", "header", "junk"])
def test_a_damaged_array_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    Bm25Index.build(_TEXTS).save(tmp_path)
    (tmp_path / f"{name}.csc.index.npy").write_bytes(content)

    with pytest.raises(IndexMismatchError):
        Bm25Index.load(tmp_path)


@pytest.mark.parametrize("name", ["data", "indices", "indptr"])
def test_a_pickled_array_is_refused(tmp_path: Path, name: str) -> None:
    Bm25Index.build(_TEXTS).save(tmp_path)
    np.save(tmp_path / f"{name}.csc.index.npy", np.array([{}], dtype=object), allow_pickle=True)

    with pytest.raises(IndexMismatchError):
        Bm25Index.load(tmp_path)


def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    Bm25Index.build(_TEXTS).save(tmp_path)
    Bm25Index.build(_TEXTS[:2]).save(tmp_path / "other")
    (tmp_path / "other" / "indptr.csc.index.npy").replace(tmp_path / "indptr.csc.index.npy")

    with pytest.raises(IndexMismatchError):
        Bm25Index.load(tmp_path)


def test_an_index_of_another_library_version_is_refused(tmp_path: Path) -> None:
    Bm25Index.build(_TEXTS).save(tmp_path)
    path = tmp_path / "params.index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": "0.1.0"}))

    with pytest.raises(IndexMismatchError):
        Bm25Index.load(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IndexMismatchError):
        Bm25Index.load(tmp_path / "missing")
