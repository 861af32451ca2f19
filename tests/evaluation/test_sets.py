"""Names of sets and the files they stand for."""

import json
from collections import Counter
from pathlib import Path

import pytest

from reviewer.errors import InputError
from reviewer.evaluation.sets import (
    EXTRA,
    NAMES,
    SPLITS,
    data_folder,
    files_of,
    read_files,
    read_set,
    second_reader,
)

CHECKOUT = Path(__file__).parents[2]
DATA = CHECKOUT / "eval" / "data"


def put(path: Path, *ids: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.dumps({"id": each, "draft": "好的", "verdict": "pass"}, ensure_ascii=False) for each in ids]
    path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "eval" / "data"
    put(data / "train" / "author-1.jsonl", "t1")
    put(data / "dev" / "author-6.jsonl", "d3")
    put(data / "dev" / "author-5.jsonl", "d1", "d2")
    put(data / "extra" / "conflict.jsonl", "c1")
    return data


def ids(name: str, folder: Path) -> list[str]:
    return [example.id for example in read_set(name, folder)]


def test_a_split_is_all_its_files_in_order(folder: Path) -> None:
    assert [path.name for path in files_of("dev", folder)] == ["author-5.jsonl", "author-6.jsonl"]
    assert ids("dev", folder) == ["d1", "d2", "d3"]
    assert ids("conflict", folder) == ["c1"]


def test_smoke_is_the_chosen_part_of_dev_in_the_order_chosen(folder: Path) -> None:
    (folder / "smoke.json").write_text('["d3", "d1"]', encoding="utf-8")
    assert ids("smoke", folder) == ["d3", "d1"]


def test_smoke_ids_that_dev_lacks_are_named(folder: Path) -> None:
    (folder / "smoke.json").write_text('["d3", "gone", "t1"]', encoding="utf-8")
    with pytest.raises(InputError, match=r"smoke\.json 里的样本不在开发集里：gone、t1"):
        read_set("smoke", folder)


@pytest.mark.parametrize("text", [None, "{"])
def test_a_smoke_file_that_is_missing_or_damaged_is_named(folder: Path, text: str | None) -> None:
    if text is not None:
        (folder / "smoke.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"smoke\.json"):
        read_set("smoke", folder)


def test_an_unknown_name_lists_the_known(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        files_of("../dev", folder)
    assert all(name in str(caught.value) for name in NAMES)


@pytest.mark.parametrize("name", ["test", "redteam"])
def test_missing_files_are_told(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"缺少数据集 {name}"):
        files_of(name, folder)


def test_an_id_must_not_occur_twice(tmp_path: Path) -> None:
    one = put(tmp_path / "a.jsonl", "x1", "x2")
    with pytest.raises(InputError, match="x2 出现了两次"):
        read_files([one, put(tmp_path / "b.jsonl", "x2")])
    with pytest.raises(InputError, match="x1 出现了两次"):
        read_files([one, one])


def test_no_examples_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="没有样本"):
        read_files([put(tmp_path / "empty.jsonl")])


def test_the_data_is_found_from_below_and_from_elsewhere(folder: Path, tmp_path: Path) -> None:
    assert data_folder(folder / "train") == folder
    # Outside of any checkout, that of the program itself.
    elsewhere = tmp_path.parent
    assert data_folder(elsewhere) == CHECKOUT / "eval" / "data"


def test_every_set_of_the_repository_is_there() -> None:
    folder = CHECKOUT / "eval" / "data"
    assert all(files_of(name, folder) for name in (*SPLITS, *EXTRA))


def test_the_second_reader_is_told_for_our_own_authors_alone() -> None:
    examples = read_set("dev", DATA)
    told = second_reader(examples, DATA)
    table = json.loads((DATA / "agreement.json").read_text(encoding="utf-8"))
    sizes = Counter(example.author for example in examples)
    expected = sum(table[author]["rule_f1"] * n for author, n in sizes.items()) / len(examples)
    assert told["rule_f1"] == pytest.approx(expected, abs=1e-4)
    stranger = examples[0].model_copy(update={"author": "somebody"})
    assert second_reader([stranger], DATA) == {}
    # An undefined kappa (no acceptable draft in the set) is left out, not counted as nothing.
    assert second_reader(read_set("redteam", DATA), DATA).keys() == {"rule_f1"}
