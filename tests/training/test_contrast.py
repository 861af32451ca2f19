"""The encoder of queries and passages: it learns what belongs together, and a kill changes nothing."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reviewer.errors import InputError
from reviewer.training.contrast import Tower, contrastive_loss, train_tower
from reviewer.training.course import Listener, Machine
from reviewer.training.pairs import PairBatch, Pairs, Query
from reviewer.training.recipe import RetrieverRecipe
from tests.training.tiny import tiny_encoder

RECIPE = RetrieverRecipe(epochs=3, batch=2, rate=1e-3, seed=3)
IDS = {"A": (0, 10, 11, 2), "B": (0, 20, 21, 22, 23, 2), "C": (0, 30, 2)}


class KilledError(Exception):
    """What a kill looks like from inside."""


def query(positives: Mapping[str, float], *unsure: str, ids: tuple[int, ...] = (0, 5, 2)) -> Query:
    return Query(ids, positives, frozenset(unsure), ())


def six_pairs() -> Pairs:
    queries = [
        query({rule: 1.0}, ids=(0, *(first + step for step in range(3)), 2))
        for rule, first in (("A", 50), ("B", 70), ("C", 90))
        for step in range(2)
    ]
    return Pairs(tuple(queries), {rule: (ids, ids[::-1]) for rule, ids in IDS.items()})


def loss_of(cosines: list[list[float]], *queries: Query, temperature: float = 0.5) -> float:
    batch = PairBatch(queries, ("A", "B", "C"), ((0,), (0,), (0,)))
    documents = torch.eye(3)
    return float(contrastive_loss(torch.tensor(cosines), documents, batch, temperature))


def test_the_loss_is_that_of_the_right_rule_among_those_that_are_kept() -> None:
    found = loss_of([[0.6, 0.2, 0.1]], query({"A": 1.0}))
    powers = [math.exp(cosine / 0.5) for cosine in (0.6, 0.2, 0.1)]
    assert found == pytest.approx(-math.log(powers[0] / sum(powers)), rel=1e-5)


def test_another_broken_rule_of_the_draft_is_no_negative() -> None:
    both = loss_of([[0.6, 0.2, 0.1]], query({"A": 1.0, "B": 1.0}))
    a, b, c = (math.exp(cosine / 0.5) for cosine in (0.6, 0.2, 0.1))
    assert both == pytest.approx((-math.log(a / (a + c)) - math.log(b / (b + c))) / 2, rel=1e-5)


def test_what_is_unsure_does_not_count() -> None:
    first, second = (loss_of([[0.6, cosine, 0.1]], query({"A": 1.0}, "B")) for cosine in (0.9, -0.9))
    assert first == pytest.approx(second)
    assert loss_of([[0.6, 0.9, 0.9]], query({"A": 1.0}, "B", "C")) == 0


def test_a_weak_positive_counts_less() -> None:
    cosines = [[0.6, 0.2, 0.1], [0.1, 0.5, 0.3]]
    one, other = (
        loss_of(cosines[:1], query({"A": 1.0})),
        loss_of(cosines[1:], query({"B": 1.0})),
    )
    found = loss_of(cosines, query({"A": 1.0}), query({"B": 0.25}))
    assert found == pytest.approx((one + 0.25 * other) / 1.25, rel=1e-5)


def test_the_gradient_is_finite_where_nothing_competes() -> None:
    cosines = torch.tensor([[0.6, 0.2, 0.1]], requires_grad=True)
    batch = PairBatch((query({"A": 1.0}, "B", "C"),), ("A", "B", "C"), ((0,), (0,), (0,)))
    contrastive_loss(cosines, torch.eye(3), batch, 0.01).backward()  # type: ignore[no-untyped-call]
    assert cosines.grad is not None
    assert torch.isfinite(cosines.grad).all()


@torch.no_grad()
def test_texts_side_by_side_get_the_vectors_they_get_alone() -> None:
    tower = Tower(tiny_encoder()).eval()
    texts = [(0, *range(4, 4 + length), 2) for length in (9, 1, 30, 4, 17, *range(1, 15))]
    together = tower(texts)
    alone = torch.cat([tower([text]) for text in texts])
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.allclose(together.norm(dim=1), torch.ones(len(texts)), atol=1e-5)


def trained(folder: Path, listener: Listener, recipe: RetrieverRecipe = RECIPE) -> Tower:
    tower = Tower(tiny_encoder())
    machine = Machine(checkpoint_seconds=1e9)
    train_tower(tower, six_pairs(), recipe, folder, machine=machine, listener=listener)
    return tower


# 6 queries in batches of 2: 3 steps an epoch, and a checkpoint after each epoch.
@pytest.mark.parametrize(("step", "kept"), [(2, 0), (4, 3), (8, 6)])
def test_going_on_after_a_kill_gives_the_same_weights(step: int, kept: int, tmp_path: Path) -> None:
    def kill(done: int, _total: int) -> None:
        if done == step:
            raise KilledError

    whole = trained(tmp_path / "whole", Listener())
    with pytest.raises(KilledError):
        trained(tmp_path / "killed", Listener(on_step=kill))
    torch.rand(5)  # another process would have drawn other numbers
    seen: list[int] = []
    again = trained(tmp_path / "killed", Listener(on_step=lambda done, _total: seen.append(done)))
    assert seen == list(range(kept, 10))
    for name, values in whole.state_dict().items():
        assert torch.equal(values, again.state_dict()[name]), name


def test_the_loss_falls_and_embeddings_stay(tmp_path: Path) -> None:
    losses: list[float] = []
    listener = Listener(on_epoch=lambda _epoch, loss: losses.append(loss))
    tower = trained(tmp_path, listener, replace(RECIPE, epochs=30, batch=6, rate=5e-3, temperature=0.1))
    assert losses[-1] < losses[0] / 2
    before = Tower(tiny_encoder()).state_dict()
    changed = {name for name, values in tower.state_dict().items() if not torch.equal(values, before[name])}
    assert not any("embeddings" in name or "pooler" in name for name in changed)
    assert {name.split(".")[3] for name in changed} == {"0", "1"}


def test_frozen_layers_stay(tmp_path: Path) -> None:
    tower = trained(tmp_path, Listener(), replace(RECIPE, frozen_layers=1))
    before = Tower(tiny_encoder()).state_dict()
    changed = {name for name, values in tower.state_dict().items() if not torch.equal(values, before[name])}
    assert {name.split(".")[3] for name in changed} == {"1"}


def test_a_training_that_diverges_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="请调低 --rate，"):
        trained(tmp_path, Listener(), replace(RECIPE, epochs=40, rate=1e30))
