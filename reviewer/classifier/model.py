"""The classifier at work: a BERT encoder in llama.cpp and the label-attention head in numpy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reviewer.classifier.files import ClassifierFiles
from reviewer.classifier.head import POINTED, Head, Scores, Vector
from reviewer.classifier.text import Reading, Window, readings
from reviewer.deadline import Deadline
from reviewer.engine.bert import BertEncoder
from reviewer.models.unigram import UnigramTokenizer
from reviewer.types import Clause, Conversation

_POSITIONS = 512


@dataclass(frozen=True, slots=True)
class RuleScore:
    """What the classifier says of one rule.

    ``logit`` is before calibration. ``weights`` is the share of the rule's attention on each
    clause, in their order, summing to about 1; empty for a rule that is broken by what is missing.
    """

    logit: float
    weights: tuple[float, ...]


class RuleClassifier:
    """Scores every rule it was trained on. Not safe to share between threads."""

    def __init__(self, files: ClassifierFiles, *, n_threads: int) -> None:
        """Map the weights (about 0.1 s).

        Raises:
            ModelCorruptError: a file cannot be read.
        """
        self.identity = files.identity
        self.head = Head.load(files.head)
        self._tokenizer = UnigramTokenizer(files.vocabulary)
        self._bert = BertEncoder(files.gguf, positions=_POSITIONS, n_threads=n_threads, embeddings="tokens")

    def knows(self, rule_id: str, text_hash: str) -> bool:
        """Whether it was trained on this rule, worded like this."""
        rows = np.flatnonzero(self.head.rules == rule_id)
        return len(rows) == 1 and str(self.head.texts[rows[0]]) == text_hash

    def scores(
        self, conversation: Conversation, clauses: Sequence[Clause], *, deadline: Deadline
    ) -> Mapping[str, RuleScore]:
        """Return the score of every rule it was trained on, by id (about 50 ms a pass on two cores).

        A draft too long for one pass is read in parts, and what could hide in it once more by itself
        (``reviewer.classifier.views``, at most some dozen passes more); a rule gets the highest of its
        logits. When the time is up before the last part of the whole, nothing is returned: half a draft
        is not assessed. What has been read whole counts, though there was no time for every view.
        """
        parts: list[tuple[Reading, Scores]] = []
        for reading in readings(conversation, self._tokenizer):
            if deadline.expired:
                if reading.partial:
                    break
                return {}
            parts.append((reading, self._score(reading.window)))
        points = self.head.pointed >= POINTED
        logits = by_reading(parts, points)
        found = {}
        for row, rule in enumerate(self.head.rules):
            reading, scores = parts[int(logits[:, row].argmax())]
            weights = (
                _by_clause(reading.window, scores.attention[row].tolist(), clauses) if points[row] else ()
            )
            found[str(rule)] = RuleScore(float(logits[:, row].max()), weights)
        return found

    def close(self) -> None:
        """Free the weights."""
        self._bert.close()

    def _score(self, window: Window) -> Scores:
        vectors = self._bert.encode(window.ids)
        return self.head.score(vectors, window.draft_start, window.draft_start + len(window.offsets))


def by_reading(parts: Sequence[tuple[Reading, Scores]], points: npt.NDArray[np.bool_]) -> Vector:
    """Return the logits [readings, rules] that count.

    Those of a part are lowered, and say nothing of a rule that is broken by what is missing (not
    ``points``).
    """
    return np.stack(
        [
            np.where(points | (not reading.partial), scores.logits - reading.lowered, -np.inf)
            for reading, scores in parts
        ]
    )


def _by_clause(window: Window, attention: Sequence[float], clauses: Sequence[Clause]) -> tuple[float, ...]:
    """Return how much attention falls on each clause; a token counts where it begins."""
    shares = [0.0] * len(clauses)
    for (start, end), weight in zip(window.offsets, attention, strict=True):
        # The mark before a text stands for nothing; what it attracts belongs to what follows.
        place = max(start, end - 1)
        for number, clause in enumerate(clauses):
            if clause.span.start <= place < clause.span.end:
                shares[number] += weight
                break
    return tuple(shares)
