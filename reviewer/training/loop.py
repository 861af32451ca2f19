"""The training itself. A killed training goes on from its last checkpoint as if nothing had happened."""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reviewer.errors import InputError, ModelCorruptError, StorageError
from reviewer.files import atomic_path
from reviewer.training.folder import CHECKPOINT
from reviewer.training.network import Batch, Network, Special, collate
from reviewer.training.recipe import Recipe
from reviewer.training.samples import Sample, TrainingSet, padded
from reviewer.types import Rule

# How many batches are sorted by length together: enough to save padding, few enough to stay mixed.
_BUCKET = 10


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told: of steps done and in all after each step, of the mean loss after each epoch from 1."""

    on_step: Callable[[int, int], None] = lambda _done, _total: None
    on_epoch: Callable[[int, float], None] = lambda _epoch, _loss: None


@dataclass(frozen=True, slots=True)
class Machine:
    """What does not belong to the recipe: threads, and how often a checkpoint is written in an epoch."""

    n_threads: int = 1
    checkpoint_seconds: float = 300.0


def train(
    network: Network,
    samples: TrainingSet,
    rules: Sequence[Rule],
    recipe: Recipe,
    special: Special,
    folder: Path,
    *,
    machine: Machine = Machine(),
    listener: Listener = Listener(),
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
    with _quiet(machine.n_threads):
        run = _Run(network, samples, rules, recipe, special)
        run.resume(folder / CHECKPOINT)
        saved = time.monotonic()
        listener.on_step(run.step, run.total)
        while run.step < run.total:
            network.train()
            for batch in run.rest_of_epoch():
                run.learn(batch)
                listener.on_step(run.step, run.total)
                if time.monotonic() - saved >= machine.checkpoint_seconds or run.at_border:
                    run.save(folder / CHECKPOINT)
                    saved = time.monotonic()
            listener.on_epoch(run.step // run.per_epoch, run.mean_loss())
        network.eval()


def epoch_batches(samples: TrainingSet, recipe: Recipe, epoch: int) -> list[list[Sample]]:
    """Return the batches of ``epoch`` (from 0), always the same ones: samples of like length together."""
    draw = random.Random(f"{recipe.seed}/{epoch}")
    rewrites = draw.sample(samples.rewrites, int(len(samples.rewrites) * recipe.rewrite_share))
    pool = [*_padded(samples, recipe, draw), *rewrites, *samples.manual]
    draw.shuffle(pool)
    span = recipe.batch * _BUCKET
    pool = [
        sample
        for start in range(0, len(pool), span)
        for sample in sorted(pool[start : start + span], key=lambda each: len(each.ids))
    ]
    batches = [pool[start : start + recipe.batch] for start in range(0, len(pool), recipe.batch)]
    draw.shuffle(batches)
    return batches


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


class _Run:
    """A training at one of its steps."""

    def __init__(
        self,
        network: Network,
        samples: TrainingSet,
        rules: Sequence[Rule],
        recipe: Recipe,
        special: Special,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self._network, self._samples, self._recipe, self._special = network, samples, recipe, special
        self._weights = positive_weights(samples.labelled, rules, recipe)
        encoder, head = network.trainable(recipe.frozen_layers)
        self._parameters: dict[str, nn.Parameter] = {**encoder, **head}
        groups: list[dict[str, Any]] = [
            {"params": list(part.values()), "lr": rate, "peak": rate}
            for part, rate in ((encoder, recipe.encoder_rate), (head, recipe.head_rate))
        ]
        self._optimiser = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
        self.step = 0
        self.per_epoch = len(epoch_batches(samples, recipe, 0))
        self.total = self.per_epoch * recipe.epochs
        self._losses: list[float] = []

    @property
    def at_border(self) -> bool:
        """Whether an epoch has just ended."""
        return self.step % self.per_epoch == 0

    def rest_of_epoch(self) -> Iterator[list[Sample]]:
        """Yield the batches of this epoch that are still to come."""
        self._losses = []
        epoch, done = divmod(self.step, self.per_epoch)
        yield from epoch_batches(self._samples, self._recipe, epoch)[done:]

    def learn(self, samples: Sequence[Sample]) -> None:
        """Do one step."""
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * self._rate()
        batch = self._noisy(collate(samples, self._special.padding))
        keep = (torch.rand(len(self._weights)) < self._recipe.delta_keep).float()
        output = self._network(batch, keep)
        loss = _grading_loss(output.logits, samples, self._weights)
        self._losses.append(loss.item())
        if not math.isfinite(self._losses[-1]):
            raise InputError("训练发散了（损失不是数）；请调低 --encoder-rate 或 --head-rate，换一个 --out。")
        pointing = _pointing_loss(output.attention, samples)
        self._optimiser.zero_grad()
        (loss + self._recipe.attention_weight * pointing).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters.values(), self._recipe.clip)
        self._optimiser.step()
        self.step += 1

    def mean_loss(self) -> float:
        """Return the mean loss of the steps of this epoch that were done in this process."""
        return sum(self._losses) / max(1, len(self._losses))

    def save(self, path: Path) -> None:
        """Write the checkpoint; what is frozen is not in it."""
        state = {
            "step": self.step,
            "parameters": {name: each.detach() for name, each in self._parameters.items()},
            "optimiser": self._optimiser.state_dict(),
            "random": torch.get_rng_state(),
        }
        with atomic_path(path) as temporary:
            try:
                with temporary.open("wb") as stream:
                    torch.save(state, stream)
            except RuntimeError as cause:  # torch's own way to say that the disk is full
                raise StorageError(f"写不了检查点 {path}；请检查磁盘空间。") from cause

    def resume(self, path: Path) -> None:
        """Take up the checkpoint ``path`` if there is one."""
        if not path.exists():
            return
        try:
            state = torch.load(path, weights_only=True)
            if state["parameters"].keys() != self._parameters.keys():
                raise ValueError("another network")
            with torch.no_grad():
                for name, values in state["parameters"].items():
                    self._parameters[name].copy_(values)
            self._optimiser.load_state_dict(state["optimiser"])
            torch.set_rng_state(state["random"])
            self.step = int(state["step"])
        except Exception as cause:  # of a torn file, torch may raise anything
            raise ModelCorruptError(f"检查点 {path} 已损坏；请删除它，从头训练。") from cause

    def _rate(self) -> float:
        warmup = min(self._recipe.warmup_steps, self.total // 10)
        rising = min(1.0, (self.step + 1) / max(1, warmup))
        return rising * 0.5 * (1 + math.cos(math.pi * self.step / self.total))

    def _noisy(self, batch: Batch) -> Batch:
        special = self._special
        noise = torch.rand(batch.ids.shape) < self._recipe.unk_share
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


@contextmanager
def _quiet(n_threads: int) -> Iterator[None]:
    """Leave the random state and the number of threads of this process as they were."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(before)
