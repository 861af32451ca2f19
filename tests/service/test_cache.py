"""The cache: by content and versions, bounded, only what is whole."""

from dataclasses import replace

from reviewer.outcome import Adjustments
from reviewer.schema import Review, ReviewRequest, RewriteOut
from reviewer.service.cache import ReviewCache
from reviewer.service.queue import Finished, Work
from tests.formats.reviews import make_finding, make_review
from tests.service.fakes import CLEAN, FAMILIAR, REWRITE


def work(draft: str = CLEAN, *, rewrite: bool = True, deadline_ms: float = 1000) -> Work:
    return Work(ReviewRequest(draft=draft), rewrite=rewrite, all_rules=False, deadline_ms=deadline_ms)


def put(cache: ReviewCache, asked: Work, review: Review, *, in_time: bool = True) -> Review | None:
    cache.put(asked, Finished(review, in_time), generation=cache.generation)
    return cache.get(asked, review.versions)


def test_the_same_work_of_the_same_versions_is_found_whatever_its_deadline() -> None:
    cache, review = ReviewCache(4), make_review(CLEAN)
    assert put(cache, work(), review) is review
    assert cache.get(work(deadline_ms=5), review.versions) is review


def test_other_work_or_other_versions_are_not() -> None:
    cache, review = ReviewCache(4), make_review(CLEAN)
    put(cache, work(), review)
    assert cache.get(work("别的"), review.versions) is None
    assert cache.get(work(rewrite=False), review.versions) is None
    assert cache.get(work(), review.versions.model_copy(update={"manual": "another"})) is None


def test_what_time_cut_short_is_not_kept() -> None:
    assert put(ReviewCache(4), work(), make_review(CLEAN), in_time=False) is None


def test_a_review_without_the_rewrite_it_should_have_is_not_kept() -> None:
    finding = make_finding(FAMILIAR, "你")
    bare = make_review(FAMILIAR, [finding])
    whole = make_review(FAMILIAR, [finding], rewrite=RewriteOut(text=REWRITE, status="verified"))
    assert put(ReviewCache(4), work(FAMILIAR), bare) is None
    assert put(ReviewCache(4), work(FAMILIAR, rewrite=False), bare) is bare
    assert put(ReviewCache(4), work(FAMILIAR), whole) is whole


def test_the_least_recently_used_goes_first() -> None:
    cache, review = ReviewCache(2), make_review(CLEAN)
    put(cache, work("一"), review)
    put(cache, work("二"), review)
    assert cache.get(work("一"), review.versions)
    put(cache, work("三"), review)
    assert [bool(cache.get(work(draft), review.versions)) for draft in "一二三"] == [True, False, True]
    cache.clear()
    assert cache.get(work("三"), review.versions) is None


def test_what_was_begun_before_everything_was_forgotten_is_not_kept() -> None:
    cache, review = ReviewCache(2), make_review(CLEAN)
    begun = cache.generation
    cache.clear()
    cache.put(work(), Finished(review, in_time=True), generation=begun)
    assert cache.get(work(), review.versions) is None


def test_teams_with_other_rules_do_not_share() -> None:
    cache, review = ReviewCache(4), make_review(CLEAN)
    put(cache, work(), review)
    for team in (Adjustments({"A01": "red"}), Adjustments(disabled=frozenset({"A01"}))):
        assert cache.get(replace(work(), adjustments=team), review.versions) is None


def test_the_key_is_a_whole_sha_256() -> None:
    assert len(work().content_key) == 64


def test_size_zero_keeps_nothing() -> None:
    assert put(ReviewCache(0), work(), make_review(CLEAN)) is None
