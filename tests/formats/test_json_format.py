import json

from reviewer.formats.json_format import format_json
from reviewer.schema import Review
from tests.formats.reviews import make_finding, make_review


def test_the_json_reads_back_as_the_same_review() -> None:
    draft = "你\x9b好\u2028🙏"
    review = make_review(draft, [make_finding(draft, "你")])
    text = format_json(review)
    assert Review.model_validate_json(text) == review
    assert text.startswith('{\n  "schema": "reviewer.review/1",\n  "verdict": "revise",\n')
    assert text.endswith("}\n")
    assert "🙏" in text


def test_every_promised_key_is_there() -> None:
    assert list(json.loads(format_json(make_review()))) == [
        field.alias or name for name, field in Review.model_fields.items()
    ]
