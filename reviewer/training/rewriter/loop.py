"""The training itself. A killed training goes on from its last checkpoint as if nothing had happened."""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from reviewer.errors import InputError
from reviewer.training.checkpoint import load_checkpoint, rate_share, save_checkpoint
from reviewer.training.course import mixed_batches, threads
from reviewer.training.folder import CHECKPOINT
from reviewer.training.rewriter.activations import Activations
from reviewer.training.rewriter.lora import UpperHalf
from reviewer.training.rewriter.recipe import RewriterRecipe
from reviewer.training.rewriter.samples import Sample

Batch = list[int]
"""The numbers of samples that are computed side by side."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Steps done and in all, and the mean loss a token since the last report of this kind."""

    done: int
    total: int
    loss: float


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told: after each step, after each checkpoint, and now and then to look at figures.

    ``on_look`` comes before the first step and ``Machine.looks`` times an epoch.
    """

    on_step: Callable[[int, int], None] = lambda _done, _total: None
    on_checkpoint: Callable[[Progress], None] = lambda _progress: None
    on_look: Callable[[Progress], None] = lambda _progress: None


@dataclass(frozen=True, slots=True)
class Machine:
    """What does not belong to the recipe: threads, how often is saved, how often in an epoch is looked."""

    n_threads: int = 1
    checkpoint_seconds: float = 240.0
    looks: int = 4


def train(
    model: UpperHalf,
    samples: Sequence[Sample],
    states: Activations,
    recipe: RewriterRecipe,
    folder: Path,
    *,
    machine: Machine = Machine(),
    listener: Listener = Listener(),
) -> None:
    """Train ``model`` in place, from the checkpoint in ``folder`` when there is one.

    The result depends on the arguments but for ``machine`` and ``listener``; another number of
    threads rounds differently.

    Args:
        model: Fresh adapters on the upper layers.
        samples: What is learned from.
        states: Those of ``samples``, by the same numbers, all computed.
        recipe: How.
        folder: Where the checkpoint lies.
        machine: Threads and intervals.
        listener: Who is told.

    Raises:
        InputError: the loss is no longer a number.
        ModelCorruptError: the checkpoint cannot be read or is of another model.
        StorageError: it cannot be written.
    """
    run = _Run(model, samples, states, recipe)
    run.resume(folder / CHECKPOINT)
    looks = {run.per_epoch * look // machine.looks for look in range(1, machine.looks + 1)}
    with threads(machine.n_threads):
        saved = time.monotonic()
        listener.on_step(run.step, run.total)
        if not run.step:
            listener.on_look(run.progress())
        while run.step < run.total:
            for step in run.rest_of_epoch():
                run.learn(step)
                listener.on_step(run.step, run.total)
                place = (run.step - 1) % run.per_epoch + 1
                if place == run.per_epoch or time.monotonic() - saved >= machine.checkpoint_seconds:
                    run.save(folder / CHECKPOINT)
                    listener.on_checkpoint(run.progress())
                    saved = time.monotonic()
                if place in looks:
                    listener.on_look(run.progress())


def epoch_steps(samples: Sequence[Sample], recipe: RewriterRecipe, epoch: int) -> list[list[Batch]]:
    """Return the steps of ``epoch`` (from 0), always the same ones: samples of like length side by side."""
    draw = random.Random(f"{recipe.seed}/{epoch}")
    numbers = list(range(len(samples)))
    batches = mixed_batches(numbers, recipe.batch, draw, lambda number: len(samples[number].ids))
    return [batches[start : start + recipe.accumulate] for start in range(0, len(batches), recipe.accumulate)]


def loss_of(
    model: UpperHalf, samples: Sequence[Sample], states: Activations, numbers: Batch
) -> tuple[torch.Tensor, int]:
    """Return the summed loss of the replies of the samples ``numbers``, and how many tokens were right."""
    chosen = [samples[number] for number in numbers]
    wanted = [(sample.reply - 1, len(sample.ids) - 1) for sample in chosen]
    right = torch.tensor([token for sample in chosen for token in sample.ids[sample.reply :]])
    logits = model(states.batch(numbers), wanted)
    hits = int((logits.argmax(-1) == right).sum())
    return nn.functional.cross_entropy(logits, right, reduction="sum"), hits


class _Run:
    """A training at one of its steps."""

    def __init__(
        self, model: UpperHalf, samples: Sequence[Sample], states: Activations, recipe: RewriterRecipe
    ) -> None:
        self._model, self._samples, self._states, self._recipe = model, samples, states, recipe
        self._parameters = model.learned()
        self._optimiser = torch.optim.AdamW(
            self._parameters.values(), lr=recipe.rate, weight_decay=recipe.weight_decay
        )
        self.step = 0
        self.per_epoch = len(epoch_steps(samples, recipe, 0))
        self.total = self.per_epoch * recipe.epochs
        self._losses: list[float] = []

    def rest_of_epoch(self) -> Iterator[list[Batch]]:
        """Yield the steps of this epoch that are still to come."""
        epoch, done = divmod(self.step, self.per_epoch)
        yield from epoch_steps(self._samples, self._recipe, epoch)[done:]

    def learn(self, batches: Sequence[Batch]) -> None:
        """Do one step: every token of its replies counts the same."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._recipe.rate * self._rate()
        n_tokens = sum(self._samples[number].n_reply for batch in batches for number in batch)
        self._optimiser.zero_grad()
        mean = 0.0
        for batch in batches:
            loss, _ = loss_of(self._model, self._samples, self._states, batch)
            (loss / n_tokens).backward()  # type: ignore[no-untyped-call]
            mean += loss.item() / n_tokens
        if not math.isfinite(mean):
            raise InputError("训练发散了（损失不是数）；请调低学习率，换一个 --out。")
        nn.utils.clip_grad_norm_(self._parameters.values(), self._recipe.clip)
        self._optimiser.step()
        self._losses.append(mean)
        self.step += 1

    def progress(self) -> Progress:
        """Return where the training is; the mean loss is of the last steps of this process."""
        recent = self._losses[-max(1, self.per_epoch // 4) :]
        return Progress(self.step, self.total, sum(recent) / max(1, len(recent)))

    def save(self, path: Path) -> None:
        """Write the checkpoint; what is frozen is not in it."""
        save_checkpoint(path, self.step, self._parameters, self._optimiser, random=False)

    def resume(self, path: Path) -> None:
        """Take up the checkpoint ``path`` if there is one."""
        self.step = load_checkpoint(path, self._parameters, self._optimiser, random=False)

    def _rate(self) -> float:
        return rate_share(self.step, self.total, self._recipe.warmup_steps)
