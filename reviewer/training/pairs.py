"""From labelled examples and the passages of a manual to what the retriever learns from.

A draft is put as ``reviewer.retrieval`` searches for it, a rule as the index holds it: the texts that get
a vector, of which each batch sees one at random.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from reviewer.errors import InputError
from reviewer.evaluation.examples import Example
from reviewer.index.chunks import Passage
from reviewer.manual.catalogue import Catalogue
from reviewer.models.e5 import PASSAGE_PROMPT, QUERY_PROMPT
from reviewer.retrieval import query_of
from reviewer.training.course import mixed_batches
from reviewer.training.data import conversation_for
from reviewer.training.recipe import RetrieverRecipe

Ids = tuple[int, ...]
Encode = Callable[[str], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Query:
    """A draft that breaks something, by the ids of rules.

    ``positives`` weighs the rules to be found, greater than 0. ``unsure`` are neither to be found nor
    to be kept away from: near misses, rules in dispute, and rules that do not apply. ``hard`` are
    negatives that lie near, nearest first.
    """

    ids: Ids
    positives: Mapping[str, float]
    unsure: frozenset[str]
    hard: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """All queries, and the texts of every rule that training may see."""

    queries: tuple[Query, ...]
    documents: Mapping[str, tuple[Ids, ...]]


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Queries, and one text of each rule that one of them wants or has as a hard negative."""

    queries: tuple[Query, ...]
    rules: tuple[str, ...]
    documents: tuple[Ids, ...]


def learnable(
    examples: Sequence[Example], catalogue: Catalogue, recipe: RetrieverRecipe
) -> tuple[Example, ...]:
    """Return the examples that have something to be found and break no rule that is held out.

    Raises:
        InputError: ``hold_out`` names a rule that the manual does not have, no example is left, or the
            reviewer would refuse a draft.
    """
    strange = sorted(set(recipe.hold_out) - {rule.id for rule in catalogue.rules})
    if strange:
        raise InputError(f"--hold-out：手册里没有规则 {'、'.join(strange)}；请核对编号。")
    found = tuple(
        example
        for example in examples
        if not {violation.rule for violation in example.violations} & set(recipe.hold_out)
        and _positives(example, _applicable(example, catalogue, recipe), recipe)
    )
    if not found:
        raise InputError("没有可训练的样本：数据里没有违反规则的草稿，或违反的规则都在 --hold-out 里。")
    return found


def make_pairs(
    examples: Sequence[Example],
    catalogue: Catalogue,
    passages: Sequence[Passage],
    rankings: Mapping[str, Sequence[str]],
    encode: Encode,
    recipe: RetrieverRecipe,
) -> Pairs:
    """Return what training sees.

    Args:
        examples: Those of ``learnable``.
        catalogue: Whose rules.
        passages: The manual as the index holds it.
        rankings: By example, rules as the untrained index ranks them, best first.
        encode: Gives the token ids of a text that carries its prompt.
        recipe: Which rules are held out, how many hard negatives, what a near miss counts.
    """
    documents: defaultdict[str, list[Ids]] = defaultdict(list)
    for passage in passages:
        if passage.checkable and passage.rule_id is not None and passage.rule_id not in recipe.hold_out:
            documents[passage.rule_id] += [tuple(encode(PASSAGE_PROMPT + text)) for text in passage.embedded]
    return Pairs(
        tuple(_query(example, catalogue, rankings[example.id], encode, recipe) for example in examples),
        {rule: tuple(texts) for rule, texts in documents.items()},
    )


def pair_batches(pairs: Pairs, recipe: RetrieverRecipe, epoch: int) -> list[PairBatch]:
    """Return the batches of ``epoch`` (from 0), always the same ones; each query stands in one."""
    draw = random.Random(f"{recipe.seed}/{epoch}")
    batches = []
    for queries in mixed_batches(list(pairs.queries), recipe.batch, draw, lambda query: len(query.ids)):
        rules = sorted({rule for query in queries for rule in (*query.positives, *query.hard)})
        documents = tuple(draw.choice(pairs.documents[rule]) for rule in rules)
        batches.append(PairBatch(tuple(queries), tuple(rules), documents))
    return batches


def _query(
    example: Example, catalogue: Catalogue, ranking: Sequence[str], encode: Encode, recipe: RetrieverRecipe
) -> Query:
    applicable = _applicable(example, catalogue, recipe)
    positives = _positives(example, applicable, recipe)
    left = {rule.id for rule in catalogue.rules} - positives.keys()
    unsure = (left - applicable) | (left & {*example.near_miss, *example.disputed})
    hard = [rule for rule in ranking if rule in left and rule not in unsure]
    return Query(
        ids=tuple(encode(QUERY_PROMPT + query_of(conversation_for(example)))),
        positives=positives,
        unsure=frozenset(unsure),
        hard=tuple(hard[: recipe.hard_negatives]),
    )


def _applicable(example: Example, catalogue: Catalogue, recipe: RetrieverRecipe) -> frozenset[str]:
    """Return the rules that apply to the example and are not held out."""
    rules = catalogue.applicable(conversation_for(example))
    return frozenset(rule.id for rule in rules) - set(recipe.hold_out)


def _positives(example: Example, applicable: Collection[str], recipe: RetrieverRecipe) -> dict[str, float]:
    weights = dict.fromkeys(example.near_miss, recipe.near_miss_weight) | dict.fromkeys(example.gold, 1.0)
    return {rule: weight for rule, weight in weights.items() if weight > 0 and rule in applicable}
