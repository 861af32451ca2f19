import shutil
from pathlib import Path

import numpy as np
import pytest

from reviewer.errors import IndexMismatchError
from reviewer.index.passages import LINES_FILE, Columns, MappedPassages
from tests.index.samples import make_passages

_PASSAGES = make_passages()


def test_mapped_passages_are_those_that_were_written(tmp_path: Path) -> None:
    MappedPassages.write(tmp_path, _PASSAGES)
    mapped = MappedPassages(tmp_path)

    assert len(mapped) == 5
    assert tuple(mapped) == _PASSAGES
    assert (mapped[0], mapped[-1]) == (_PASSAGES[0], _PASSAGES[-1])
    assert tuple(mapped[1:3]) == _PASSAGES[1:3]


@pytest.mark.parametrize("row", [5, -6])
def test_a_row_that_is_not_there_is_an_index_error(tmp_path: Path, row: int) -> None:
    MappedPassages.write(tmp_path, _PASSAGES)

    with pytest.raises(IndexError):
        MappedPassages(tmp_path)[row]


def test_mapped_passages_outlive_their_folder(tmp_path: Path) -> None:
    MappedPassages.write(tmp_path, _PASSAGES)
    mapped = MappedPassages(tmp_path)
    shutil.rmtree(tmp_path)

    assert mapped[3] == _PASSAGES[3]


def test_lines_that_do_not_fit_their_starts_are_refused(tmp_path: Path) -> None:
    MappedPassages.write(tmp_path, _PASSAGES)
    (tmp_path / LINES_FILE).write_bytes((tmp_path / LINES_FILE).read_bytes()[:-1])

    with pytest.raises(ValueError, match="do not fit"):
        MappedPassages(tmp_path)


def test_a_damaged_line_is_a_mismatch(tmp_path: Path) -> None:
    MappedPassages.write(tmp_path, _PASSAGES)
    path = tmp_path / LINES_FILE
    path.write_bytes(b"x" + path.read_bytes()[1:])

    with pytest.raises(IndexMismatchError, match="reviewer index build"):
        MappedPassages(tmp_path)[0]


def test_columns_say_rule_owner_and_what_ranks(tmp_path: Path) -> None:
    columns = Columns.of(_PASSAGES)
    columns.save(tmp_path)

    for found in (columns, Columns.load(tmp_path)):
        # Three rules, a section of the second, and one that nothing can be checked against; 1 + 1, 1 + 3,
        # 1 + 3, 1 and 1 vectors.
        assert found.rule.tolist() == [0, 1, 2, 1, -1]
        assert found.ruled.tolist() == [True, True, True, True, False]
        assert found.rules.tolist() == ["A02", "E02", "D03"]
        assert found.owner.tolist() == np.repeat(range(5), [2, 4, 4, 1, 1]).tolist()
