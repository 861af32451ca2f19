"""What the retriever learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from reviewer.errors import InputError
from reviewer.evaluation.examples import Example
from reviewer.index.chunks import chunk_manual
from reviewer.manual.catalogue import Catalogue
from reviewer.training.pairs import Pairs, learnable, make_pairs, pair_batches
from reviewer.training.recipe import RetrieverRecipe
from tests.training.tiny import make_example

RECIPE = RetrieverRecipe(batch=2, hard_negatives=2, seed=5)


def spelled(text: str) -> Sequence[int]:
    return [ord(letter) for letter in text]


def breaks(name: str, *rules: str, **more: object) -> Example:
    return make_example(name, f"草稿{name}。", *({"rule": rule} for rule in rules), **more)


def pairs_of(examples: Sequence[Example], catalogue: Catalogue, recipe: RetrieverRecipe) -> Pairs:
    usable = learnable(examples, catalogue, recipe)
    rankings: Mapping[str, list[str]] = {
        example.id: [rule.id for rule in catalogue.rules] for example in usable
    }
    passages = chunk_manual(catalogue.sections, catalogue.rules)
    return make_pairs(usable, catalogue, passages, rankings, spelled, recipe)


def read(ids: Sequence[int]) -> str:
    return "".join(map(chr, ids))


def test_a_draft_is_put_as_it_is_searched_for(catalogue: Catalogue) -> None:
    (query,) = pairs_of([breaks("x", "A05")], catalogue, RECIPE).queries
    assert read(query.ids) == "query: 我的快递呢？\n草稿x。"
    assert query.positives == {"A05": 1.0}


def test_a_rule_has_the_texts_that_the_index_embeds(catalogue: Catalogue) -> None:
    pairs = pairs_of([breaks("x", "A05")], catalogue, RECIPE)
    passages = chunk_manual(catalogue.sections, catalogue.rules)
    expected = {
        f"passage: {text}"
        for passage in passages
        if passage.rule_id == "B05" and passage.checkable
        for text in passage.embedded
    }
    assert {read(ids) for ids in pairs.documents["B05"]} == expected
    assert pairs.documents.keys() == {rule.id for rule in catalogue.rules}


def test_hard_negatives_are_the_first_rules_that_the_draft_keeps(catalogue: Catalogue) -> None:
    example = breaks("x", "A01", "A03", "A05", near_miss=["A02"], disputed=["A05"])
    (query,) = pairs_of([example], catalogue, RECIPE).queries
    assert query.positives.keys() == {"A01", "A03"}
    assert query.hard == ("A04", "A06")
    assert {"A02", "A05"} <= query.unsure


def test_a_rule_of_another_stage_is_neither_right_nor_wrong(catalogue: Catalogue) -> None:
    (query,) = pairs_of([breaks("x", "A01", "C01")], catalogue, RECIPE).queries
    assert query.positives.keys() == {"A01"}
    assert {"C01", "C08"} <= query.unsure


def test_a_near_miss_counts_what_the_recipe_says(catalogue: Catalogue) -> None:
    examples = [breaks("x", "A01", near_miss=["A01", "A02"]), breaks("y", near_miss=["A02"])]
    assert len(pairs_of(examples, catalogue, RECIPE).queries) == 1
    weak = pairs_of(examples, catalogue, replace(RECIPE, near_miss_weight=0.25))
    assert [dict(query.positives) for query in weak.queries] == [{"A01": 1.0, "A02": 0.25}, {"A02": 0.25}]
    assert not any(query.unsure & query.positives.keys() for query in weak.queries)


def test_a_rule_that_is_held_out_is_in_no_batch(catalogue: Catalogue) -> None:
    named = ["A01", "A02", "A03", "A05"]
    examples = [breaks(f"{rule}{n}", rule, near_miss=["A04"]) for rule in named for n in range(3)]
    examples.append(breaks("both", "A01", "A03"))
    held_out = ("A03", "A04")
    recipe = replace(RECIPE, hold_out=held_out, hard_negatives=64, near_miss_weight=0.5)
    pairs = pairs_of(examples, catalogue, recipe)
    passages = chunk_manual(catalogue.sections, catalogue.rules)
    theirs = {
        f"passage: {text}" for passage in passages if passage.rule_id in held_out for text in passage.embedded
    }
    batches = [batch for epoch in range(3) for batch in pair_batches(pairs, recipe, epoch)]
    for batch in batches:
        assert not {"A03", "A04"} & set(batch.rules)
        assert not theirs & {read(ids) for ids in batch.documents}
        for query in batch.queries:
            assert not {"A03", "A04"} & {*query.positives, *query.hard}
            assert "草稿A03" not in read(query.ids)
            assert "草稿both" not in read(query.ids)
    # 3 drafts break each of the other 3 rules
    assert sum(len(batch.queries) for batch in batches) == 3 * 9


def test_a_batch_holds_one_text_of_each_rule_that_matters(catalogue: Catalogue) -> None:
    pairs = pairs_of([breaks("x", "A01"), breaks("y", "A05")], catalogue, RECIPE)
    (batch,) = pair_batches(pairs, RECIPE, 0)
    assert batch.rules == ("A01", "A02", "A03", "A05")
    for rule, ids in zip(batch.rules, batch.documents, strict=True):
        assert ids in pairs.documents[rule]


def test_every_epoch_draws_anew_and_always_the_same(catalogue: Catalogue) -> None:
    examples = [breaks(f"{rule.id}", rule.id) for rule in catalogue.rules[:6]]
    pairs = pairs_of(examples, catalogue, RECIPE)
    first, again, second = (pair_batches(pairs, RECIPE, epoch) for epoch in (0, 0, 1))
    assert first == again
    assert first != second
    assert len(first) == len(second) == 3


def test_nothing_to_learn_is_refused(catalogue: Catalogue) -> None:
    for examples, recipe in (
        ([breaks("x")], RECIPE),
        ([breaks("x", near_miss=["A01"])], RECIPE),
        ([breaks("x", "A01")], replace(RECIPE, hold_out=("A01",))),
    ):
        with pytest.raises(InputError, match="没有可训练的样本"):
            learnable(examples, catalogue, recipe)
    with pytest.raises(InputError, match="没有规则 Z98、Z99"):
        learnable([breaks("x", "A01")], catalogue, replace(RECIPE, hold_out=("Z99", "A02", "Z98")))
