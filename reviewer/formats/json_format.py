"""A review as pretty JSON: the published contract, see ``docs/review.schema.json``."""

from reviewer.formats.escaping import json_text
from reviewer.schema import Review


def format_json(review: Review) -> str:
    """Return the review as indented JSON that ends with a line break."""
    return json_text(review.model_dump(mode="json"), indent=2) + "\n"
