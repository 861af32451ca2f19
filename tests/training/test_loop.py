"""The training: it learns, and a kill changes nothing."""

from pathlib import Path

import pytest
import torch

from reviewer.errors import InputError, ModelCorruptError
from reviewer.manual.catalogue import Catalogue
from reviewer.training.course import Listener, Machine
from reviewer.training.folder import CHECKPOINT
from reviewer.training.loop import epoch_batches, positive_weights, train
from reviewer.training.network import Network
from reviewer.training.recipe import Recipe
from reviewer.training.samples import TrainingSet
from tests.training.tiny import SPECIAL, eight_samples, tiny_catalogue, tiny_network

RECIPE = Recipe(epochs=3, batch=4, seed=3)


class KilledError(Exception):
    """What a kill looks like from inside."""


@pytest.fixture
def small(catalogue: Catalogue) -> Catalogue:
    return tiny_catalogue(catalogue)


def trained(small: Catalogue, folder: Path, listener: Listener, seconds: float = 1e9) -> Network:
    network = tiny_network(small)
    machine = Machine(checkpoint_seconds=seconds)
    train(
        network,
        eight_samples(small),
        small.rules,
        RECIPE,
        SPECIAL,
        folder,
        machine=machine,
        listener=listener,
    )
    return network


def kill_at(step: int) -> Listener:
    def on_step(done: int, _total: int) -> None:
        if done == step:
            raise KilledError

    return Listener(on_step=on_step)


# 8 drafts and 1 of 4 rewrites in batches of 4: 3 steps an epoch. A kill comes before the checkpoint.
@pytest.mark.parametrize(
    ("step", "seconds", "kept"),
    [(2, 0.0, 1), (5, 0.0, 4), (5, 1e9, 3), (6, 1e9, 3), (7, 1e9, 6), (2, 1e9, 0)],
)
def test_going_on_after_a_kill_gives_the_same_network(
    step: int, seconds: float, kept: int, small: Catalogue, tmp_path: Path
) -> None:
    whole = trained(small, tmp_path / "whole", Listener(), seconds)
    with pytest.raises(KilledError):
        trained(small, tmp_path / "killed", kill_at(step), seconds)
    torch.rand(5)  # another process would have drawn other numbers
    seen: list[tuple[int, int]] = []
    again = trained(
        small,
        tmp_path / "killed",
        Listener(on_step=lambda done, total: seen.append((done, total))),
        seconds,
    )
    assert seen == [(done, 9) for done in range(kept, 10)]
    for name, values in whole.state_dict().items():
        assert torch.equal(values, again.state_dict()[name]), name


def test_the_loss_falls(small: Catalogue, tmp_path: Path) -> None:
    losses: list[float] = []
    recipe = Recipe(epochs=40, batch=8, encoder_rate=1e-3, head_rate=3e-3, unk_share=0, delta_keep=1)
    listener = Listener(on_epoch=lambda _epoch, loss: losses.append(loss))
    samples = TrainingSet(eight_samples(small).labelled)
    train(tiny_network(small), samples, small.rules, recipe, SPECIAL, tmp_path, listener=listener)
    assert len(losses) == 40
    assert losses[-1] < losses[0] / 3


def test_the_callers_random_state_is_left_alone(small: Catalogue, tmp_path: Path) -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    trained(small, tmp_path, Listener())
    assert torch.equal(torch.rand(3), expected)


def test_embeddings_stay_as_they_are(small: Catalogue, tmp_path: Path) -> None:
    before, after = tiny_network(small).state_dict(), trained(small, tmp_path, Listener()).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert not any("embeddings" in name or "pooler" in name for name in changed)
    assert "encoder.encoder.layer.0.attention.self.query.weight" in changed
    assert {"delta", "turn.weight", "bias", "sharpness"} <= changed


def test_every_epoch_has_its_own_order_and_its_share_of_rewrites(small: Catalogue) -> None:
    samples = eight_samples(small)
    first, again, second = (epoch_batches(samples, RECIPE, epoch) for epoch in (0, 0, 1))
    assert first == again
    assert first != second
    # 8 drafts and int(4 / 3) rewrites
    assert sum(map(len, first)) == 9
    assert all(len(batch) <= 4 for batch in first)


def test_rare_and_red_violations_count_more(small: Catalogue) -> None:
    weights = positive_weights(eight_samples(small).labelled, small.rules, RECIPE)
    for weight, rule in zip(weights.tolist(), small.rules, strict=True):
        # 1 of 8 drafts violates each rule: sqrt(7 / 1)
        assert weight == pytest.approx(7**0.5 * (1.3 if rule.severity == "red" else 1))


def test_a_damaged_checkpoint_is_one_clear_error(small: Catalogue, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"torn")
    with pytest.raises(ModelCorruptError, match="已损坏"):
        trained(small, tmp_path, Listener())
    torch.save({"parameters": {}}, tmp_path / CHECKPOINT)
    with pytest.raises(ModelCorruptError, match="已损坏"):
        trained(small, tmp_path, Listener())


def test_nothing_to_train_on_is_refused(small: Catalogue, tmp_path: Path) -> None:
    network = tiny_network(small)
    with pytest.raises(InputError):
        train(network, TrainingSet(()), small.rules, RECIPE, SPECIAL, tmp_path)
