from reviewer.formats.jsonl import format_jsonl
from reviewer.schema import Review
from tests.formats.reviews import make_finding, make_review


def test_a_review_is_one_line() -> None:
    draft = "你好\r\n\u2028\x85再见"
    review = make_review(draft, [make_finding(draft, "你好")])
    text = format_jsonl(review)
    # splitlines also splits at U+2028 and U+0085, as some readers do.
    assert text.splitlines() == [text.removesuffix("\n")]
    assert Review.model_validate_json(text) == review
