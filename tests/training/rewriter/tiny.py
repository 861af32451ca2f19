"""The training of a rewriter on the two-layer Qwen2 of ``tests.engine.tiny``."""

from collections.abc import Sequence
from pathlib import Path

import torch

from reviewer.training.rewriter.activations import Activations
from reviewer.training.rewriter.base import BaseModel
from reviewer.training.rewriter.lora import UpperHalf
from reviewer.training.rewriter.recipe import RewriterRecipe
from reviewer.training.rewriter.samples import Sample

RECIPE = RewriterRecipe(layers=1, rank=4, alpha=8.0, epochs=3, batch=2, accumulate=2, rate=1e-2, seed=3)
PREFIX = tuple(b"system")


def letters(count: int = 9) -> list[Sample]:
    """Prompts of bytes whose replies repeat their last letter; token ids below 256 are bytes."""
    samples = []
    for number in range(count):
        letter = 97 + number % 5
        prompt = (*PREFIX, *range(40, 44 + number), letter)
        samples.append(Sample((*prompt, letter, letter, 257), len(prompt)))
    return samples


def upper_half(model: Path, recipe: RewriterRecipe = RECIPE) -> UpperHalf:
    base = BaseModel(model)
    first = base.n_layers - recipe.layers
    return UpperHalf(*base.upper(first), first, recipe, len(PREFIX))


def computed(model: Path, folder: Path, samples: Sequence[Sample]) -> Activations:
    base = BaseModel(model)
    folder.mkdir(exist_ok=True)
    states = Activations(folder, samples, base.width)
    states.compute(base.lower(base.n_layers - RECIPE.layers), lambda _done, _total: None)
    return states


@torch.no_grad()
def taught(model: UpperHalf, seed: int = 0) -> UpperHalf:
    """Put weights of some size into the adapters, so that they change the answers."""
    draw = torch.Generator().manual_seed(seed)
    for parameter in model.learned().values():
        parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.2)
    return model
