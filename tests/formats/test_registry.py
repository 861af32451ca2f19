import pytest

from reviewer.errors import InputError
from reviewer.formats import FORMAT_NAMES, get_formatter
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
