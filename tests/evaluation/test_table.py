from pathlib import Path

import pytest

from reviewer.errors import InputError
from reviewer.evaluation.table import markdown_table, replace_block, update_document
from tests.evaluation.runs import record, run

DOCUMENT = "前\n<!-- reviewer:scores -->\n旧\n<!-- /reviewer:scores -->\n后\n"


def test_a_row_a_run_with_the_figures() -> None:
    first = run(
        [
            record("e1", "E01", "E01", total_ms=1000),
            record("e2", "A02", "", total_ms=2500),
            record("e3", total_ms=3000),
        ],
        system="甲|一",
    )
    second = run([record("e1"), record("e2", "", "A01")], system="乙")
    head, rule, row, other = markdown_table([first, second]).split("\n")
    assert head.count("|") == rule.count("|") == 10
    cells = [cell.strip() for cell in row.replace("\\|", "/").strip("|").split("|")]
    assert cells[:2] == ["甲/一", "3"]
    # tp 1, fp 0, fn 1: F1 2/3, precision 1, recall 1/2. Flag 1 of 2, specificity 1 of 1, red 1 of 1.
    assert cells[2].startswith("0.667（")
    assert cells[3:] == ["1.000", "0.500", "0.500", "1.000", "1.000", "2.50"]
    # Nothing labelled: recalls are undefined; one of two acceptable replies let through; no times.
    cells = [cell.strip() for cell in other.strip("|").split("|")]
    assert cells[4:] == ["–", "–", "0.500", "–", "–"]


def test_block_is_replaced_and_the_rest_kept() -> None:
    changed = replace_block(DOCUMENT, "scores", "新\n")
    assert changed == "前\n<!-- reviewer:scores -->\n新\n<!-- /reviewer:scores -->\n后\n"
    assert replace_block(changed, "scores", "新") == changed


@pytest.mark.parametrize(
    "text",
    [
        "前",
        "<!-- reviewer:scores -->",
        "<!-- /reviewer:scores -->",
        "<!-- /reviewer:scores --><!-- reviewer:scores -->",
        DOCUMENT * 2,
        DOCUMENT.replace("scores", "other"),
    ],
    ids=["none", "start", "end", "reversed", "twice", "other name"],
)
def test_missing_markers_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="reviewer:scores"):
        replace_block(text, "scores", "新")


def test_document_is_updated_once(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(DOCUMENT.replace("后\n", "后\r\n").encode())
    assert update_document(path, "scores", "新")
    assert not update_document(path, "scores", "新")
    assert path.read_bytes().decode().endswith("新\n<!-- /reviewer:scores -->\n后\r\n")


def test_document_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.md"):
        update_document(tmp_path / "none.md", "scores", "新")
    path = tmp_path / "README.md"
    path.write_text("前", encoding="utf-8")
    with pytest.raises(InputError, match=r"README\.md"):
        update_document(path, "scores", "新")
