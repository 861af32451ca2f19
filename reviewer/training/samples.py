"""From labelled examples to what the network learns from.

Token ids come from ``reviewer.classifier.text.readings``, the code that reviewing goes through.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from reviewer.classifier.head import POINTED
from reviewer.classifier.text import MAX_DRAFT, Tokenizer, readings
from reviewer.evaluation.examples import Example
from reviewer.manual.catalogue import Catalogue
from reviewer.training.data import conversation_for, find_quote
from reviewer.types import Conversation

# Fewer violations than this say little about whether a rule can be pointed at.
_ENOUGH = 10


class Quote(NamedTuple):
    """The tokens, counted from the first of the draft, that show the violation of a rule (its row)."""

    rule: int
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One input of the network and what is right for it; R is the number of rules of the manual.

    ``ids[draft_start + i]`` stands for ``draft[offsets[i][0]:offsets[i][1]]``; of a ``padded`` sample,
    for a part of one of the two drafts. ``targets`` [R] is 1
    where the rule is violated; ``mask`` [R] is 0 where nothing is to be learned: the rule does not
    apply, or is in dispute, or what violates it was cut off.
    """

    ids: tuple[int, ...]
    draft_start: int
    offsets: tuple[tuple[int, int], ...]
    targets: tuple[float, ...]
    mask: tuple[float, ...]
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Labelled drafts, their compliant rewrites, and the wordings of the manual itself.

    ``absent`` is the rows of the rules that are mostly broken by what is missing.
    """

    labelled: tuple[Sample, ...]
    rewrites: tuple[Sample, ...] = ()
    manual: tuple[Sample, ...] = ()
    absent: tuple[int, ...] = ()


def training_set(
    examples: Sequence[Example], catalogue: Catalogue, tokenizer: Tokenizer, pointed: Sequence[float]
) -> TrainingSet:
    """Return everything that can be learned from ``examples`` and the manual (some 3 ms an example).

    Args:
        examples: What is labelled.
        catalogue: Whose rules.
        tokenizer: That of the encoder.
        pointed: What ``pointed_shares`` says of each rule.

    Raises:
        InputError: the reviewer would refuse a draft or a rewrite.
    """
    maker = SampleMaker(catalogue, tokenizer)
    return TrainingSet(
        labelled=tuple(maker.labelled(example) for example in examples),
        rewrites=tuple(maker.rewrite(example) for example in examples if example.rewrite),
        manual=maker.manual(),
        absent=tuple(row for row, share in enumerate(pointed) if share < POINTED),
    )


def padded(sample: Sample, carrier: Sample, absent: Collection[int], *, before: bool) -> Sample:
    """Return ``sample`` with the draft of ``carrier`` before or after its own, as far as there is room.

    ``carrier`` violates nothing. What is missing in ``sample`` may stand in it, so nothing is learned
    of the rules ``absent`` nor of a violation that has no words to point at.
    """
    own = sample.ids[sample.draft_start : -1]
    extra = carrier.ids[carrier.draft_start : -1][: max(0, MAX_DRAFT - len(own))]
    places = carrier.offsets[: len(extra)]
    shift = len(extra) if before else 0
    quoted = {quote.rule for quote in sample.quotes}
    unsure = {row for row, target in enumerate(sample.targets) if target and row not in quoted}
    return replace(
        sample,
        ids=(
            *sample.ids[: sample.draft_start],
            *((*extra, *own) if before else (*own, *extra)),
            sample.ids[-1],
        ),
        offsets=(*places, *sample.offsets) if before else (*sample.offsets, *places),
        mask=tuple(0.0 if row in absent or row in unsure else kept for row, kept in enumerate(sample.mask)),
        quotes=tuple(
            Quote(quote.rule, tuple(token + shift for token in quote.tokens)) for quote in sample.quotes
        ),
    )


class SampleMaker:
    """Makes samples whose rows are the rules of ``catalogue``."""

    def __init__(self, catalogue: Catalogue, tokenizer: Tokenizer) -> None:
        """Keep both; ``tokenizer`` must be the one of the encoder."""
        self._catalogue = catalogue
        self._tokenizer = tokenizer
        self._rows = {rule.id: row for row, rule in enumerate(catalogue.rules)}

    def labelled(self, example: Example) -> Sample:
        """Return the draft with its labels; of a very long draft, the first window.

        Raises:
            InputError: the reviewer would refuse the draft.
        """
        conversation = conversation_for(example)
        sample = self._sample(conversation)
        targets, mask = list(sample.targets), list(sample.mask)
        quotes = []
        for rule in example.disputed:
            mask[self._rows[rule]] = 0.0
        for violation in example.violations:
            if violation.rule not in example.gold:
                continue
            row = self._rows[violation.rule]
            targets[row] = 1.0
            place = find_quote(conversation.draft, violation.quote)
            tokens = _tokens(sample.offsets, place) if place else ()
            if tokens and mask[row]:
                quotes.append(Quote(row, tokens))
        for row in self._unseen(example, conversation, sample, {quote.rule for quote in quotes}):
            mask[row] = 0.0
        return replace(sample, targets=tuple(targets), mask=tuple(mask), quotes=tuple(quotes))

    def rewrite(self, example: Example) -> Sample:
        """Return the labelled rewrite as a draft that violates nothing.

        Raises:
            InputError: the reviewer would refuse it.
        """
        compliant = {"draft": example.rewrite, "violations": [], "disputed": []}
        return self._sample(conversation_for(example.model_copy(update=compliant)))

    def manual(self) -> tuple[Sample, ...]:
        """Return the manual's good and bad wording of each rule.

        A bad wording is only known to violate its own rule; nothing is learned of the others from it.
        """
        samples = []
        for row, rule in enumerate(self._catalogue.rules):
            samples.append(self._sample(replace(rule.good_context, draft=rule.good)))
            only = tuple(float(other == row) for other in range(len(self._rows)))
            bad = self._sample(replace(rule.good_context, draft=rule.bad))
            samples.append(replace(bad, targets=only, mask=only))
        return tuple(samples)

    def _sample(self, conversation: Conversation) -> Sample:
        window = next(readings(conversation, self._tokenizer)).window
        applicable = {rule.id for rule in self._catalogue.applicable(conversation)}
        return Sample(
            ids=window.ids,
            draft_start=window.draft_start,
            offsets=window.offsets,
            targets=(0.0,) * len(self._rows),
            mask=tuple(float(rule in applicable) for rule in self._rows),
        )

    def _unseen(
        self, example: Example, conversation: Conversation, sample: Sample, pointed: set[int]
    ) -> list[int]:
        """Return the rows of rules all of whose quotes lie beyond the window."""
        last = max((end for _, end in sample.offsets), default=0)
        beyond: dict[int, bool] = {}
        for violation in example.violations:
            row = self._rows[violation.rule]
            place = find_quote(conversation.draft, violation.quote)
            beyond[row] = beyond.get(row, True) and place is not None and place[0] >= last
        return [row for row, cut in beyond.items() if cut and row not in pointed]


def pointed_shares(
    examples: Sequence[Example], catalogue: Catalogue, known: Mapping[str, float]
) -> tuple[float, ...]:
    """Return, for each rule, the share of its violations that have words to point at.

    Args:
        examples: What was trained on.
        catalogue: Whose rules, in whose order.
        known: Shares of the classifier that the training went on from, by rule; they stand where
            ``examples`` have too few violations.
    """
    violated: Counter[str] = Counter()
    quoted: Counter[str] = Counter()
    for example in examples:
        for violation in example.violations:
            violated[violation.rule] += 1
            quoted[violation.rule] += bool(violation.quote)
    return tuple(
        known[rule.id]
        if rule.id in known and violated[rule.id] < _ENOUGH
        else quoted[rule.id] / max(1, violated[rule.id])
        for rule in catalogue.rules
    )


def _tokens(offsets: Sequence[tuple[int, int]], place: tuple[int, int]) -> tuple[int, ...]:
    # The mark before a text covers nothing; reviewing counts it to what follows, and so it is here.
    return tuple(
        number
        for number, (start, end) in enumerate(offsets)
        if start < place[1] and max(end, start + 1) > place[0]
    )
