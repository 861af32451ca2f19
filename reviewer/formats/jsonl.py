"""A review as one line of JSON, for appending many to a file."""

from reviewer.formats.escaping import json_text
from reviewer.schema import Review


def format_jsonl(review: Review) -> str:
    """Return the review as one line of JSON that ends with a line break."""
    return json_text(review.model_dump(mode="json")) + "\n"
