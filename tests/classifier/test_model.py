"""What counts of several readings of one draft."""

import numpy as np

from reviewer.classifier.head import Scores
from reviewer.classifier.model import by_reading
from reviewer.classifier.text import Reading, Window

WINDOW = Window((), 0, ())


def scores(*logits: float) -> Scores:
    return Scores(np.array(logits, dtype=np.float32), np.zeros((len(logits), 0), dtype=np.float32))


def test_a_part_is_lowered_and_says_nothing_of_what_is_missing() -> None:
    parts = [
        (Reading(WINDOW), scores(-2.0, -1.0)),
        (Reading(WINDOW, partial=True), scores(1.0, 5.0)),
        (Reading(WINDOW, partial=True, lowered=3.0), scores(4.5, 5.0)),
    ]
    found = by_reading(parts, np.array([True, False]))
    assert found.tolist() == [[-2.0, -1.0], [1.0, -np.inf], [1.5, -np.inf]]
    assert found.max(0).tolist() == [1.5, -1.0]
