"""The training of the classifier: what an epoch holds, and the loss."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from reviewer.errors import InputError
from reviewer.training.course import (
    ONE_THREAD,
    SILENT,
    Course,
    Group,
    Listener,
    Machine,
    follow,
    mixed_batches,
)
from reviewer.training.folder import CHECKPOINT
from reviewer.training.network import Batch, Network, Special, collate
from reviewer.training.recipe import Recipe
from reviewer.training.samples import Sample, TrainingSet, padded
from reviewer.types import Rule


def train(
    network: Network,
    samples: TrainingSet,
    rules: Sequence[Rule],
    recipe: Recipe,
    special: Special,
    folder: Path,
    *,
    machine: Machine = ONE_THREAD,
    listener: Listener = SILENT,
) -> None:
    """Train ``network`` in place, from the checkpoint in ``folder`` when there is one.

    The result depends on the arguments but for ``machine`` and ``listener``; another number of
    threads rounds differently. The caller's random state stays as it was.

    Raises:
        InputError: there is nothing to train on, or the loss is no longer a number.
        ModelCorruptError: the checkpoint cannot be read or is of another network.
        StorageError: it cannot be written.
    """
    if not samples.labelled:
        raise InputError("没有可训练的样本。")
    weights = positive_weights(samples.labelled, rules, recipe)
    encoder, head = network.trainable(recipe.frozen_layers)

    def losses(batch: Sequence[Sample]) -> tuple[Tensor, Tensor]:
        noisy = _noisy(collate(batch, special.padding), special, recipe.unk_share)
        keep = (torch.rand(len(weights)) < recipe.delta_keep).float()
        output = network(noisy, keep)
        grading = _grading_loss(output.logits, batch, weights)
        return grading, grading + recipe.attention_weight * _pointing_loss(output.attention, batch)

    course = Course(
        groups=(
            Group(encoder, recipe.encoder_rate, "--encoder-rate"),
            Group(head, recipe.head_rate, "--head-rate"),
        ),
        batches=lambda epoch: epoch_batches(samples, recipe, epoch),
        losses=losses,
        epochs=recipe.epochs,
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        clip=recipe.clip,
        seed=recipe.seed,
    )
    follow(course, network, folder / CHECKPOINT, machine=machine, listener=listener)


def epoch_batches(samples: TrainingSet, recipe: Recipe, epoch: int) -> list[list[Sample]]:
    """Return the batches of ``epoch`` (from 0), always the same ones: samples of like length together."""
    draw = random.Random(f"{recipe.seed}/{epoch}")
    rewrites = draw.sample(samples.rewrites, int(len(samples.rewrites) * recipe.rewrite_share))
    pool = [*_padded(samples, recipe, draw), *rewrites, *samples.manual]
    return mixed_batches(pool, recipe.batch, draw, lambda sample: len(sample.ids))


def _padded(samples: TrainingSet, recipe: Recipe, draw: random.Random) -> Iterator[Sample]:
    clean = [sample for sample in (*samples.labelled, *samples.rewrites) if not any(sample.targets)]
    for sample in samples.labelled:
        if clean and draw.random() < recipe.padding_share:
            yield padded(sample, draw.choice(clean), samples.absent, before=draw.random() < 0.5)
        else:
            yield sample


def positive_weights(samples: Sequence[Sample], rules: Sequence[Rule], recipe: Recipe) -> Tensor:
    """Return how much a violation of each rule counts [R]; a kept rule counts 1."""
    positive = torch.tensor([sample.targets for sample in samples]).sum(0)
    rarity = ((len(samples) - positive) / positive.clamp(min=1)).clamp(max=recipe.rarity_cap)
    red = torch.tensor([recipe.red_weight if rule.severity == "red" else 1.0 for rule in rules])
    return rarity.sqrt() * red


def _noisy(batch: Batch, special: Special, share: float) -> Batch:
    noise = torch.rand(batch.ids.shape) < share
    noise &= (batch.present == 1) & (batch.ids != special.bos) & (batch.ids != special.eos)
    return batch._replace(ids=batch.ids.masked_fill(noise, special.unknown))


def _grading_loss(logits: Tensor, samples: Sequence[Sample], weights: Tensor) -> Tensor:
    targets = torch.tensor([sample.targets for sample in samples])
    mask = torch.tensor([sample.mask for sample in samples])
    losses = nn.functional.binary_cross_entropy_with_logits(
        logits, targets, pos_weight=weights, reduction="none"
    )
    return (losses * mask).sum() / len(samples)


def _pointing_loss(attention: Tensor, samples: Sequence[Sample]) -> Tensor:
    """Return how little of each violated rule's attention lies on the quote."""
    shares = [
        attention[row, quote.rule, [sample.draft_start + token for token in quote.tokens]].sum()
        for row, sample in enumerate(samples)
        for quote in sample.quotes
    ]
    if not shares:
        return torch.zeros(())
    return -(torch.stack(shares) + 1e-6).log().sum() / len(samples)
