"""The states of the lower half: computed once, taken up after a kill."""

import json
from pathlib import Path

import pytest
import torch

from reviewer.errors import InputError
from reviewer.training.rewriter import activations
from reviewer.training.rewriter.activations import DONE, STATES, Activations
from reviewer.training.rewriter.base import BaseModel
from tests.training.rewriter.tiny import computed, letters

SAMPLES = letters(5)


class KilledError(Exception):
    """What a kill looks like from inside."""


def test_states_are_those_of_the_lower_half(model: Path, tmp_path: Path) -> None:
    states = computed(model, tmp_path, SAMPLES)
    lower = BaseModel(model).lower(1)
    batch = states.batch([3, 0])
    for row, number in enumerate((3, 0)):
        ids = SAMPLES[number].ids
        expected = lower(input_ids=torch.tensor([ids])).last_hidden_state[0]
        assert torch.allclose(batch[row, : len(ids)], expected, rtol=2e-3, atol=1e-2)
    assert not batch[1, len(SAMPLES[0].ids) :].any()


def test_a_killed_computation_goes_on(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "_RECORD_SECONDS", 0.0)
    lower, width = BaseModel(model).lower(1), BaseModel(model).width

    def killed(done: int, _total: int) -> None:
        if done == 3:
            raise KilledError

    with pytest.raises(KilledError):
        Activations(tmp_path, SAMPLES, width).compute(lower, killed)
    again = Activations(tmp_path, SAMPLES, width)
    assert again.n_missing == 3
    seen: list[int] = []
    again.compute(lower, lambda done, _total: seen.append(done))
    assert seen == [3, 4, 5]
    whole = computed(model, tmp_path / "whole", SAMPLES)
    every = range(len(SAMPLES))
    assert torch.equal(again.batch(every), whole.batch(every))
    assert Activations(tmp_path, SAMPLES, width).n_missing == 0


@pytest.mark.parametrize("damage", ["torn", "{}", json.dumps({"done": None})])
def test_an_unreadable_record_begins_anew(damage: str, model: Path, tmp_path: Path) -> None:
    computed(model, tmp_path, SAMPLES)
    (tmp_path / DONE).write_text(damage, encoding="utf-8")
    assert Activations(tmp_path, SAMPLES, BaseModel(model).width).n_missing == len(SAMPLES)


def test_a_file_of_another_size_is_made_anew(model: Path, tmp_path: Path) -> None:
    computed(model, tmp_path, SAMPLES)
    (tmp_path / STATES).write_bytes(b"short")
    assert Activations(tmp_path, SAMPLES, BaseModel(model).width).n_missing == len(SAMPLES)


def test_states_beyond_half_precision_are_refused(model: Path, tmp_path: Path) -> None:
    lower = BaseModel(model).lower(1)
    embeddings = lower.get_parameter("embed_tokens.weight")
    with torch.no_grad():
        embeddings.mul_(1e6)
    with pytest.raises(InputError, match="半精度"):
        Activations(tmp_path, SAMPLES, BaseModel(model).width).compute(lower, lambda _done, _total: None)
