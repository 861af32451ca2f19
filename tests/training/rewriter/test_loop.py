"""The training: it learns, and a kill changes nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reviewer.errors import ModelCorruptError
from reviewer.training.folder import CHECKPOINT
from reviewer.training.rewriter.figures import measure
from reviewer.training.rewriter.loop import Listener, Machine, epoch_steps, train
from reviewer.training.rewriter.lora import UpperHalf
from tests.training.rewriter.tiny import RECIPE, computed, letters, upper_half

SAMPLES = letters()


class KilledError(Exception):
    """What a kill looks like from inside."""


def trained(model: Path, folder: Path, listener: Listener, seconds: float = 1e9) -> UpperHalf:
    upper, states = upper_half(model), computed(model, folder, SAMPLES)
    machine = Machine(checkpoint_seconds=seconds)
    train(upper, SAMPLES, states, RECIPE, folder, machine=machine, listener=listener)
    return upper


def kill_at(step: int) -> Listener:
    def on_step(done: int, _total: int) -> None:
        if done == step:
            raise KilledError

    return Listener(on_step=on_step)


# 9 samples in batches of 2, 2 a step: 3 steps an epoch. A kill comes before the checkpoint.
@pytest.mark.parametrize(("step", "seconds", "kept"), [(2, 0.0, 1), (5, 0.0, 4), (5, 1e9, 3), (2, 1e9, 0)])
def test_going_on_after_a_kill_gives_the_same_adapter(
    step: int, seconds: float, kept: int, model: Path, tmp_path: Path
) -> None:
    whole = trained(model, tmp_path / "whole", Listener(), seconds)
    with pytest.raises(KilledError):
        trained(model, tmp_path / "killed", kill_at(step), seconds)
    seen: list[tuple[int, int]] = []
    again = trained(
        model, tmp_path / "killed", Listener(on_step=lambda done, total: seen.append((done, total))), seconds
    )
    assert seen == [(done, 9) for done in range(kept, 10)]
    for name, values in whole.learned().items():
        assert torch.equal(values, again.learned()[name]), name


def test_it_learns_the_replies(model: Path, tmp_path: Path) -> None:
    upper, states = upper_half(model), computed(model, tmp_path, SAMPLES)
    every = range(len(SAMPLES))
    before = measure(upper, SAMPLES, states, every)
    train(upper, SAMPLES, states, replace(RECIPE, epochs=40), tmp_path)
    after = measure(upper, SAMPLES, states, every)
    assert after["loss"] < before["loss"] / 3
    assert after["token_accuracy"] > before["token_accuracy"]


def test_only_the_adapters_learn(model: Path, tmp_path: Path) -> None:
    before = upper_half(model).state_dict()
    after = trained(model, tmp_path, Listener()).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.endswith((".down", ".up"))}


def test_padding_and_company_change_no_loss(model: Path, tmp_path: Path) -> None:
    upper, states = upper_half(model), computed(model, tmp_path, SAMPLES)
    wanted = [(sample.reply - 1, len(sample.ids) - 1) for sample in SAMPLES]
    together = upper(states.batch(range(len(SAMPLES))), wanted)
    alone = torch.cat([upper(states.batch([number]), [wanted[number]]) for number in range(len(SAMPLES))])
    assert torch.allclose(together, alone, atol=1e-4)


def test_every_epoch_has_every_sample_once_in_its_own_order() -> None:
    first, again, second = (epoch_steps(SAMPLES, RECIPE, epoch) for epoch in (0, 0, 1))
    assert first == again
    assert first != second
    for steps in (first, second):
        assert sorted(n for step in steps for batch in step for n in batch) == list(range(len(SAMPLES)))
        assert all(len(step) <= 2 and all(len(batch) <= 2 for batch in step) for step in steps)


def test_figures_are_looked_at_before_and_during_the_training(model: Path, tmp_path: Path) -> None:
    looks: list[int] = []
    trained(model, tmp_path, Listener(on_look=lambda place: looks.append(place.done)))
    assert looks == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_a_damaged_checkpoint_is_one_clear_error(model: Path, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"torn")
    with pytest.raises(ModelCorruptError, match="已损坏"):
        trained(model, tmp_path, Listener())
    torch.save({"parameters": {}}, tmp_path / CHECKPOINT)
    with pytest.raises(ModelCorruptError, match="已损坏"):
        trained(model, tmp_path, Listener())
