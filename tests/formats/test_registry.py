from pathlib import Path

import pytest

from reviewer.errors import InputError
from reviewer.formats import FORMAT_NAMES, FileReview, Row, get_file_formatter, get_formatter
from tests.formats.reviews import make_finding, make_review


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_every_format_ends_with_a_line_break(name: str) -> None:
    review = make_review("你好", [make_finding("你好", "你")])
    output = get_formatter(name)(review, "draft.txt")
    assert output.endswith("\n")
    assert "A01" in output


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(InputError, match="没有输出格式“xml”；可用：text、json、jsonl、rdjsonl、sarif。"):
        get_formatter("xml")


@pytest.mark.parametrize("name", ["findings.sarif", "FINDINGS.RDJSONL"])
def test_a_file_has_the_format_of_its_suffix(name: str) -> None:
    file = FileReview("replies.jsonl")
    file.add(Row("r1", 1, '{"draft": "你好"}'), make_review("你好", [make_finding("你好", "你")]))
    output = get_file_formatter(Path(name))(file)
    assert output.endswith("\n")
    assert "A01" in output


@pytest.mark.parametrize("name", ["findings.json", "sarif", ".sarif"])
def test_another_suffix_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=rf"不认识 {name} 的格式；.*以 .sarif 或 .rdjsonl 结尾"):
        get_file_formatter(Path(name))
