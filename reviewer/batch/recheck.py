"""An earlier output: what it said of a row, and whether that still holds under another manual.

A review is taken over only where nothing that shaped it is different but rules that had no say in it,
which takes that every rule is judged by itself: whatever else is different, the row is reviewed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reviewer.batch.keys import Conditions, request_hash
from reviewer.batch.output import Line, Place, Was, read_lines
from reviewer.errors import InputError
from reviewer.grading.candidates import resident_rules
from reviewer.manual.catalogue import Catalogue
from reviewer.pipeline import Pipeline
from reviewer.prompting import PromptBook
from reviewer.request import conversation_of
from reviewer.schema import Review, ReviewRequest
from reviewer.types import Conversation, Rule, Source

_REMEDY = "请核对 --recheck；旧版本写的，请用旧手册重新运行一次 reviewer batch"
_KEPT = "沿用旧手册（{}）下的审核：手册的改动与这一条无关。"
_KEPT_OPENING = _KEPT.split("{", maxsplit=1)[0]
# What retrieval knows of one rule depends on the words of all: how rare they are, what else is found.
_OF_ALL_RULES = ("dense", "bm25")
_ANYWHERE = Source("", "")


def is_kept(review: Review) -> bool:
    """Return whether ``review`` was taken over from an earlier batch by another manual."""
    return any(note.startswith(_KEPT_OPENING) for note in review.notes)


class Earlier:
    """The output of an earlier batch by content; its reviews stay on disk."""

    def __init__(self, path: Path) -> None:
        """Look through ``path``.

        Raises:
            InputError: there is none, or it is not the output of a batch of this version.
            StorageError: it cannot be read.
        """
        if not path.exists():
            raise InputError(f"没有 {path}；请核对 --recheck。")
        if not path.is_file():
            raise InputError(f"--recheck {path} 不是普通文件；请给以前的结果文件。")
        self._places: dict[str, Place] = {}
        manuals: dict[str, None] = {}
        for place, line in read_lines(path, remedy=_REMEDY):
            self._places[line.request] = place
            manuals[line.review.versions.manual] = None
        self.manuals = tuple(manuals)

    def line_of(self, request: ReviewRequest) -> Line | None:
        """Return the line of ``request``, None when it was not reviewed."""
        place = self._places.get(request_hash(request))
        return place.read() if place else None

    def was(self, request: ReviewRequest) -> Was | None:
        """Return what was said of ``request``, None when it was not reviewed."""
        line = self.line_of(request)
        if line is None:
            return None
        return Was(
            manual=line.review.versions.manual,
            verdict=line.review.verdict,
            rules={finding.rule.id: finding.rule.title for finding in line.review.findings},
        )


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The manual of an earlier batch, and what its options would be today."""

    catalogue: Catalogue
    options: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Keeper:
    """Knows which reviews of an earlier batch are those that the present reviewer would give.

    Without ``before`` these are only those that it gave under the same conditions. ``rewrites`` says
    whether rewrites are wanted.
    """

    earlier: Earlier
    pipeline: Pipeline
    conditions: Conditions
    before: Predecessor | None
    rewrites: bool

    def kept(self, request: ReviewRequest) -> Review | None:
        """Return the earlier review of ``request`` as today's, None when it has to be reviewed again."""
        line = self.earlier.line_of(request)
        if line is None or not line.review.complete:
            return None
        if line.key == self.conditions.key(request):
            return line.review
        conversation = conversation_of(request)
        if self.before is None or not (
            self._differs_by_manual(request, line, self.before)
            and self._asks_alike(line.review, self.before.catalogue)
            and self._applies_alike(conversation, line.review, self.before.catalogue)
        ):
            return None
        return self._as_of_today(conversation, line.review)

    def _differs_by_manual(self, request: ReviewRequest, line: Line, before: Predecessor) -> bool:
        """Return whether the manual is all that is different; the key proves what it was."""
        now, then = self.conditions.versions, line.review.versions
        return (
            then.manual == before.catalogue.content_hash
            and then.model_copy(update={"manual": now.manual, "index": now.index}) == now
            and line.key == Conditions(then, before.options).key(request)
        )

    def _asks_alike(self, review: Review, before: Catalogue) -> bool:
        """Return whether a rule's grade, reason and rewrite hang on no other rule."""
        pipeline = self.pipeline
        calibration = pipeline.grader.calibration
        if before.base_score != pipeline.catalogue.base_score:
            return False
        if any(calibration.weights.get(name) for name in _OF_ALL_RULES):
            return False
        explains = bool(review.findings) and (self.rewrites or pipeline.explainer.trusted)
        if not calibration.uses_the_model and not explains:
            return True
        # A small manual stands whole in front of every question.
        return all(
            _front(prompts, before) == _front(prompts, pipeline.catalogue)
            for prompts in (pipeline.prompts, pipeline.rewriter.prompts)
        )

    def _applies_alike(self, conversation: Conversation, review: Review, before: Catalogue) -> bool:
        """Return whether the rules that apply are the same; of those not cited, the place is nothing.

        Where nothing was found, rules may also have gone: without them a draft is no more suspect.
        """
        cited = {finding.rule.id for finding in (*review.findings, *review.rewrite.findings)}
        then = [_judged(rule, cited) for rule in before.applicable(conversation)]
        now = [_judged(rule, cited) for rule in self.pipeline.catalogue.applicable(conversation)]
        if review.findings:
            return then == now
        return all(rule in then for rule in now)

    def _as_of_today(self, conversation: Conversation, review: Review) -> Review:
        catalogue = self.pipeline.catalogue
        return review.model_copy(
            update={
                "assessed": [rule.id for rule in catalogue.applicable(conversation)],
                "not_applicable": [rule.id for rule in catalogue.not_applicable(conversation)],
                "notes": [*self.pipeline.notes, _KEPT.format(review.versions.manual)],
                "versions": self.conditions.versions,
            }
        )


def _front(prompts: PromptBook, catalogue: Catalogue) -> str:
    return prompts.system(resident_rules(catalogue.rules))


def _judged(rule: Rule, cited: set[str]) -> Rule:
    return rule if rule.id in cited else replace(rule, source=_ANYWHERE)
