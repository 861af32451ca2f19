"""Finished reviews by what decided them, bounded, in memory only."""

from collections import OrderedDict

from reviewer.resources import full_hash
from reviewer.schema import Review, VersionsOut
from reviewer.service.queue import Finished, Work


class ReviewCache:
    """The most recently used reviews. Not to be shared between threads."""

    def __init__(self, size: int) -> None:
        """Keep at most ``size`` reviews; 0 keeps none."""
        self._size = size
        self._reviews: OrderedDict[str, Review] = OrderedDict()
        self._generation = 0

    @property
    def generation(self) -> int:
        """How often everything was forgotten."""
        return self._generation

    def get(self, work: Work, versions: VersionsOut) -> Review | None:
        """Return the review of the same work by the same versions, None when there is none."""
        key = _key(work, versions)
        if key not in self._reviews:
            return None
        self._reviews.move_to_end(key)
        return self._reviews[key]

    def put(self, work: Work, finished: Finished, *, generation: int) -> None:
        """Keep a review that time did not cut short and that has the rewrite that was asked for.

        What was begun in another ``generation`` is not kept: it was to be forgotten.
        """
        review = finished.review
        failed_rewrite = work.rewrite and review.findings and review.rewrite.status == "none"
        if generation != self._generation or not finished.in_time or failed_rewrite:
            return
        self._reviews[_key(work, review.versions)] = review
        while len(self._reviews) > self._size:
            self._reviews.popitem(last=False)

    def clear(self) -> None:
        """Forget everything, and what is under way too."""
        self._generation += 1
        self._reviews.clear()


def _key(work: Work, versions: VersionsOut) -> str:
    return full_hash(work.content_key.encode(), versions.model_dump_json().encode())
