import json
import os
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from reviewer.errors import (
    CorpusError,
    IndexMismatchError,
    IndexMissingError,
    ModelCorruptError,
    StorageError,
)
from reviewer.index import store, vectors
from reviewer.index.bm25 import TOKENISER_VERSION, Bm25Index
from reviewer.index.chunks import CHUNKER_VERSION, Passage
from reviewer.index.dense import DenseIndex
from reviewer.index.encoder import HashingEncoder, Matrix
from reviewer.index.passages import Columns
from reviewer.index.query import ManualIndex
from reviewer.index.store import build_index, open_index
from tests.index.samples import make_passages

_ENCODER = HashingEncoder()
_PASSAGES = make_passages()
_N_VECTORS = sum(len(passage.embedded) for passage in _PASSAGES)
_FILES = [
    "passages.json",
    "dense.faiss",
    "bm25/data.csc.index.npy",
    "bm25/indices.csc.index.npy",
    "bm25/indptr.csc.index.npy",
    "bm25/params.index.json",
    "bm25/vocab.index.json",
]


class CountingEncoder(HashingEncoder):
    """Counts the texts that it embeds as documents."""

    def __init__(self) -> None:
        super().__init__()
        self.n_texts = 0

    def encode_document(self, texts: Sequence[str]) -> Matrix:
        self.n_texts += len(texts)
        return super().encode_document(texts)


class InterruptedEncoder(HashingEncoder):
    """Is interrupted from the keyboard while it works."""

    def encode_document(self, texts: Sequence[str]) -> Matrix:
        super().encode_document(texts)
        raise KeyboardInterrupt


class MeetingEncoder(HashingEncoder):
    """Waits until every builder has found that the index has to be built."""

    def __init__(self, barrier: threading.Barrier) -> None:
        super().__init__()
        self._barrier = barrier

    def encode_document(self, texts: Sequence[str]) -> Matrix:
        self._barrier.wait(timeout=30)
        return super().encode_document(texts)


def build(folder: Path, *, manual_hash: str = "m1") -> Path:
    return build_index(folder, _PASSAGES, _ENCODER, manual_hash=manual_hash)


def open_built(folder: Path) -> ManualIndex:
    return open_index(folder, manual_hash="m1", encoder_identity=_ENCODER.identity)


def indexes(folder: Path) -> list[Path]:
    """Return what lies in ``folder`` beside the cache of vectors."""
    return [path for path in folder.iterdir() if path.name != vectors.CACHE_FOLDER]


def edit_meta(target: Path, **changes: object) -> None:
    path = target / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def assert_refused(folder: Path, match: str) -> None:
    with pytest.raises(IndexMismatchError, match=match) as caught:
        open_built(folder)
    assert "reviewer index build" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_built_index_opens_and_answers_like_one_in_memory(tmp_path: Path) -> None:
    build(tmp_path)
    index = open_built(tmp_path)
    built = _ENCODER.encode_document([text for passage in _PASSAGES for text in passage.embedded])
    texts = [passage.searchable for passage in _PASSAGES]
    memory = ManualIndex(
        passages=_PASSAGES,
        columns=Columns.of(_PASSAGES),
        dense=DenseIndex.build(built),
        bm25=Bm25Index.build(texts),
        encoder_identity=_ENCODER.identity,
        index_identity="",
    )

    assert index.passages == _PASSAGES
    for query in ("还能再便宜点吗", "你自己打维修部的手机", "仪容"):
        assert index.rank_rules(query, encoder=_ENCODER) == memory.rank_rules(query, encoder=_ENCODER)
        assert index.search(query, encoder=_ENCODER, top_k=4) == memory.search(
            query, encoder=_ENCODER, top_k=4
        )


def test_the_sidecar_says_what_the_index_was_made_from(tmp_path: Path) -> None:
    target = build(tmp_path)
    meta = json.loads((target / "meta.json").read_text())

    assert target == tmp_path / f"m1-{_ENCODER.identity}"
    assert sorted(meta.pop("files")) == sorted(_FILES)
    assert meta == {
        "schema": "reviewer.index/1",
        "manual": "m1",
        "encoder": "hashing-256",
        "dimension": 256,
        "prompts": {"query": "", "document": ""},
        "chunker": CHUNKER_VERSION,
        "tokeniser": TOKENISER_VERSION,
        "passages": 5,
        "vectors": _N_VECTORS,
    }


def test_equal_input_gives_equal_identity_and_other_input_another(tmp_path: Path) -> None:
    build(tmp_path / "a")
    build(tmp_path / "b")
    build_index(tmp_path / "c", _PASSAGES[1:], _ENCODER, manual_hash="m1")
    identities = [open_built(tmp_path / name).index_identity for name in "abc"]

    assert identities[0] == identities[1] != identities[2]


def test_building_again_embeds_nothing(tmp_path: Path) -> None:
    encoder = CountingEncoder()
    for _ in range(2):
        build_index(tmp_path, _PASSAGES, encoder, manual_hash="m1")

    assert encoder.n_texts == _N_VECTORS


def test_other_passages_under_the_same_name_replace_the_index(tmp_path: Path) -> None:
    build(tmp_path)
    build_index(tmp_path, _PASSAGES[:2], _ENCODER, manual_hash="m1")

    assert open_built(tmp_path).passages == _PASSAGES[:2]
    assert [path.name for path in indexes(tmp_path)] == [f"m1-{_ENCODER.identity}"]


def test_progress_counts_the_embedded_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_BATCH", 5)
    seen: list[tuple[int, int]] = []
    build_index(
        tmp_path, _PASSAGES, _ENCODER, manual_hash="m1", progress=lambda done, n: seen.append((done, n))
    )

    # 5 passages and 1 + 3 + 3 facets are 12 texts, in batches of 5.
    assert seen == [(0, 12), (5, 12), (10, 12), (12, 12)]


def test_nothing_to_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="没有可以检索的内容"):
        build_index(tmp_path, (), _ENCODER, manual_hash="m1")


@pytest.mark.parametrize("fault", ["shape", "nan"])
def test_unusable_vectors_are_refused(tmp_path: Path, fault: str) -> None:
    class FaultyEncoder(HashingEncoder):
        def encode_document(self, texts: Sequence[str]) -> Matrix:
            encoded = super().encode_document(texts)
            return encoded[:, :-1] if fault == "shape" else encoded * np.float32(np.nan)

    with pytest.raises(ModelCorruptError):
        build_index(tmp_path, _PASSAGES, FaultyEncoder(), manual_hash="m1")
    assert indexes(tmp_path) == []


@pytest.mark.parametrize("exists", [True, False])
def test_no_index_is_missing(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path if exists else tmp_path / "missing"

    with pytest.raises(IndexMissingError, match=r"还没有建立索引.*reviewer index build"):
        open_built(folder)


def test_an_index_of_another_manual_or_encoder_is_a_mismatch(tmp_path: Path) -> None:
    build(tmp_path)

    for manual_hash, encoder_identity in (("m2", _ENCODER.identity), ("m1", "hashing-64")):
        with pytest.raises(IndexMismatchError, match="另一版手册或另一个嵌入模型"):
            open_index(tmp_path, manual_hash=manual_hash, encoder_identity=encoder_identity)


@pytest.mark.parametrize(
    ("field", "what"),
    [("manual", "手册"), ("encoder", "嵌入模型"), ("chunker", "切分方法"), ("tokeniser", "分词方法")],
)
def test_a_sidecar_that_names_another_origin_is_refused(tmp_path: Path, field: str, what: str) -> None:
    edit_meta(build(tmp_path), **{field: "other"})

    assert_refused(tmp_path, f"{what}与当前的不同")


@pytest.mark.parametrize(
    "change",
    [{"schema": "reviewer.index/2"}, {"dimension": 0}, {"files": None}, {"unknown": 1}],
    ids=["schema", "dimension", "files", "unknown"],
)
def test_a_sidecar_of_another_form_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    edit_meta(build(tmp_path), **change)

    assert_refused(tmp_path, r"meta\.json 损坏或版本不符")


@pytest.mark.parametrize(("field", "value"), [("dimension", 64), ("passages", 4), ("vectors", 11)])
def test_a_sidecar_that_miscounts_is_refused(tmp_path: Path, field: str, value: int) -> None:
    edit_meta(build(tmp_path), **{field: value})

    assert_refused(tmp_path, "索引")


def test_a_truncated_sidecar_is_refused(tmp_path: Path) -> None:
    path = build(tmp_path) / "meta.json"
    path.write_bytes(path.read_bytes()[:40])

    assert_refused(tmp_path, r"meta\.json")


def test_a_missing_sidecar_is_refused(tmp_path: Path) -> None:
    (build(tmp_path) / "meta.json").unlink()

    assert_refused(tmp_path, r"缺少 meta\.json")


@pytest.mark.parametrize("name", _FILES)
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    (build(tmp_path) / name).unlink()

    assert_refused(tmp_path, f"缺少 {name}")


@pytest.mark.parametrize("name", _FILES)
def test_a_changed_file_is_refused(tmp_path: Path, name: str) -> None:
    path = build(tmp_path) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert_refused(tmp_path, f"{name} 损坏或被改动过")


def test_a_file_that_the_sidecar_does_not_know_is_refused(tmp_path: Path) -> None:
    (build(tmp_path) / "extra.bin").write_bytes(b"x")

    assert_refused(tmp_path, r"extra\.bin")


def test_an_index_under_the_name_of_another_is_refused(tmp_path: Path) -> None:
    build(tmp_path, manual_hash="m2").rename(tmp_path / f"m1-{_ENCODER.identity}")

    assert_refused(tmp_path, "手册与当前的不同")


@pytest.mark.parametrize("name", [*_FILES, "meta.json"])
def test_building_repairs_a_damaged_index(tmp_path: Path, name: str) -> None:
    (build(tmp_path) / name).write_bytes(b"damaged")
    build(tmp_path)

    assert open_built(tmp_path).passages == _PASSAGES
    assert len(indexes(tmp_path)) == 1


def test_building_replaces_a_file_in_the_place_of_the_index(tmp_path: Path) -> None:
    (tmp_path / f"m1-{_ENCODER.identity}").write_text("in the way")
    build(tmp_path)

    assert open_built(tmp_path).passages == _PASSAGES


@pytest.mark.parametrize("damaged", [False, True], ids=["nothing-there", "damaged-there"])
def test_builders_at_the_same_time_all_end_well(tmp_path: Path, damaged: bool) -> None:
    if damaged:
        (build(tmp_path) / "dense.faiss").write_bytes(b"damaged")
    n_builders = 4
    barrier = threading.Barrier(n_builders)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            build_index(tmp_path, _PASSAGES, MeetingEncoder(barrier), manual_hash="m1")
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run) for _ in range(n_builders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert open_built(tmp_path).passages == _PASSAGES
    assert [path.name for path in indexes(tmp_path)] == [f"m1-{_ENCODER.identity}"]


def test_a_sound_index_that_another_builder_published_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = build(tmp_path / "other")
    target = tmp_path / "index" / finished.name
    published: list[int] = []
    save = Bm25Index.save

    def save_while_another_publishes(index: Bm25Index, folder: Path) -> None:
        save(index, folder)
        shutil.copytree(finished, target)
        published.append(target.stat().st_ino)

    monkeypatch.setattr(Bm25Index, "save", save_while_another_publishes)
    build(tmp_path / "index")

    assert published == [target.stat().st_ino]
    assert open_built(tmp_path / "index").passages == _PASSAGES
    assert indexes(tmp_path / "index") == [target]


def test_an_interrupt_while_embedding_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        build_index(tmp_path, _PASSAGES, InterruptedEncoder(), manual_hash="m1")

    assert indexes(tmp_path) == []


def test_what_a_killed_builder_left_goes_after_a_day(tmp_path: Path) -> None:
    for name, age in (("old", 25 * 3600), ("young", 3600)):
        left = tmp_path / f".building-{name}"
        left.mkdir()
        (left / "dense.faiss").write_bytes(b"half")
        os.utime(left, (time.time() - age,) * 2)
    target = build(tmp_path)

    assert sorted(path.name for path in indexes(tmp_path)) == [".building-young", target.name]


def test_an_interrupt_while_writing_leaves_the_old_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index(tmp_path, _PASSAGES[:2], _ENCODER, manual_hash="m1")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DenseIndex, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path)

    assert open_built(tmp_path).passages == _PASSAGES[:2]
    assert len(indexes(tmp_path)) == 1


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError):
        build(tmp_path / "file" / "index")


@pytest.mark.parametrize(
    ("number", "match"), [(30, "没有权限"), (28, "磁盘已满")], ids=["read-only", "disk-full"]
)
def test_a_failing_disk_is_a_storage_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, match: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, "simulated")

    monkeypatch.setattr(Bm25Index, "save", fail)
    with pytest.raises(StorageError, match=match):
        build(tmp_path)

    assert indexes(tmp_path) == []


def test_an_index_built_in_steps_has_the_bytes_of_one_built_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "_BATCH", 2)
    at_once = build(tmp_path / "a")

    class ImpatientEncoder(CountingEncoder):
        def encode_document(self, texts: Sequence[str]) -> Matrix:
            if self.n_texts == 6:
                raise KeyboardInterrupt
            return super().encode_document(texts)

    build_index(tmp_path / "b", _PASSAGES[3:], _ENCODER, manual_hash="m0")
    with pytest.raises(KeyboardInterrupt):
        build_index(tmp_path / "b", _PASSAGES, ImpatientEncoder(), manual_hash="m1")
    encoder = CountingEncoder()
    in_steps = build_index(tmp_path / "b", _PASSAGES, encoder, manual_hash="m1")

    assert encoder.n_texts == _N_VECTORS - 2 - 6
    for name in (*_FILES, "meta.json"):
        assert (at_once / name).read_bytes() == (in_steps / name).read_bytes()


_MANY = tuple(
    Passage(
        id=f"p{number}",
        document="《手册》",
        section=f"第{number}节",
        rule_id=f"R{number}" if number % 9 == 0 else None,
        checkable=True,
        text=f"第{number}条：退款{number * 7919 % 1000}元{number * 104729 % 977}天到账",
        searchable=f"第{number}条：退款{number * 7919 % 1000}元{number * 104729 % 977}天到账",
    )
    for number in range(400)
)
_MAPPED_FILES = [
    "bm25/rows.indices.npy",
    "bm25/tokens.npy",
    "column.owner.npy",
    "dense.faiss",
    "passages.jsonl",
    "passages.starts.npy",
]


@pytest.fixture(params=["flat", "pq"])
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let 400 vectors be many, or very many."""
    kind = str(request.param)
    monkeypatch.setattr(store, "WHOLE", 300)
    monkeypatch.setattr(store, "EXACT_UP_TO", 350 if kind == "pq" else 10**6)
    return kind


def build_large(folder: Path) -> Path:
    return build_index(folder, _MANY, _ENCODER, manual_hash="m1")


def test_a_large_index_is_mapped_and_says_how_it_is_searched(tmp_path: Path, large: str) -> None:
    meta = json.loads((build_large(tmp_path) / "meta.json").read_text())
    index = open_built(tmp_path)

    assert (meta["schema"], meta["search"]["type"]) == ("reviewer.index/2", large)
    assert 0.99 <= meta["search"]["recall_at_8"] <= 1
    assert set(_MAPPED_FILES) < set(meta["files"])
    assert not isinstance(index.passages, tuple)
    assert tuple(index.passages) == _MANY


def test_a_large_index_answers_like_a_small_one(tmp_path: Path, large: str) -> None:
    build_large(tmp_path)
    index = open_built(tmp_path)
    memory = ManualIndex(
        passages=_MANY,
        columns=Columns.of(_MANY),
        dense=DenseIndex.build(_ENCODER.encode_document([passage.searchable for passage in _MANY])),
        bm25=Bm25Index.build([passage.searchable for passage in _MANY]),
        encoder_identity=_ENCODER.identity,
        index_identity="",
    )
    for query in (_MANY[17].text, "退款 203 元", "第9条"):
        ours, exact = (side.rank_rules(query, encoder=_ENCODER) for side in (index, memory))
        assert [score.rule_id for score in ours] == [score.rule_id for score in exact]
        hits, wanted = (side.search(query, encoder=_ENCODER, top_k=9) for side in (index, memory))
        assert [hit.passage for hit in hits] == [hit.passage for hit in wanted]


def test_a_large_index_is_built_to_the_same_bytes_and_only_once(tmp_path: Path, large: str) -> None:
    first, second = build_large(tmp_path / "a"), build_large(tmp_path / "b")
    inode = first.stat().st_ino
    build_large(tmp_path / "a")

    assert first.stat().st_ino == inode
    for path in first.rglob("*.*"):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()


@pytest.mark.parametrize("name", _MAPPED_FILES)
@pytest.mark.parametrize("damage", ["missing", "changed", "truncated"])
def test_a_damaged_large_index_is_refused_and_repaired(
    tmp_path: Path, large: str, name: str, damage: str
) -> None:
    path = build_large(tmp_path) / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content[:-9] if damage == "truncated" else content[:-1] + bytes([content[-1] ^ 1]))

    assert_refused(tmp_path, name.replace(".", r"\."))
    build_large(tmp_path)
    assert tuple(open_built(tmp_path).passages) == _MANY


def test_known_hashes_of_a_large_index_are_not_computed_again(tmp_path: Path, large: str) -> None:
    meta = json.loads((build_large(tmp_path) / "meta.json").read_text())
    target = tmp_path / f"m1-{_ENCODER.identity}"
    asked: list[str] = []

    def known(path: Path) -> str:
        asked.append(path.relative_to(target).as_posix())
        return str(meta["files"][asked[-1]])

    open_index(tmp_path, manual_hash="m1", encoder_identity=_ENCODER.identity, digest=known)
    assert sorted(asked) == sorted(meta["files"])


def test_a_small_index_is_always_read_in_full(tmp_path: Path) -> None:
    build(tmp_path)

    def refuse(path: Path) -> str:
        raise AssertionError(path)

    index = open_index(tmp_path, manual_hash="m1", encoder_identity=_ENCODER.identity, digest=refuse)
    assert index.passages == _PASSAGES


@pytest.mark.parametrize(
    "change", [{"search": None}, {"schema": "reviewer.index/1"}], ids=["search", "schema"]
)
def test_a_sidecar_whose_form_and_search_do_not_fit_is_refused(
    tmp_path: Path, large: str, change: dict[str, object]
) -> None:
    edit_meta(build_large(tmp_path), **change)

    assert_refused(tmp_path, r"meta\.json 损坏或版本不符")
