"""Rounding the frozen matrices must not change what is learned beside them."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from reviewer.training.int8 import integers_serve
from reviewer.training.rewriter.base import BaseModel
from reviewer.training.rewriter.lora import UpperHalf
from tests.training.rewriter.tiny import PREFIX, RECIPE, taught


def gradients(model: Path, states: Tensor, *, rounded: bool) -> dict[str, Tensor]:
    upper = taught(UpperHalf(*BaseModel(model, rounded=rounded).upper(1), 1, RECIPE, len(PREFIX)))
    logits = upper(states, [(8, 12)])
    nn.functional.cross_entropy(logits, torch.tensor([97, 98, 99, 100])).backward()  # type: ignore[no-untyped-call]
    return {name: part.grad for name, part in upper.learned().items() if part.grad is not None}


@pytest.mark.skipif(not integers_serve(), reason="no instructions for 8-bit products")
def test_what_is_learned_beside_rounded_matrices_is_what_would_be_beside_exact_ones(model: Path) -> None:
    torch.manual_seed(0)
    states = torch.randn(1, 12, BaseModel(model).width)
    exact, rounded = (gradients(model, states, rounded=each) for each in (False, True))
    assert exact.keys() == rounded.keys() != set()
    alike = [
        float(torch.cosine_similarity(exact[name].flatten(), rounded[name].flatten(), 0)) for name in exact
    ]
    assert min(alike) > 0.95, alike


def test_the_output_is_not_rounded_for_the_gradient_of_a_softmax_would_not_survive_it(model: Path) -> None:
    _, output = BaseModel(model, rounded=True).upper(1)
    assert output.dtype == torch.float32
