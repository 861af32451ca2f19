"""What every training does: steps, a falling learning rate, checkpoints that a kill cannot harm."""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from reviewer.errors import InputError
from reviewer.progress import Progress
from reviewer.training.checkpoint import load_checkpoint, rate_share, save_checkpoint

# How many batches are sorted by length together: enough to save padding, few enough to stay mixed.
_BUCKET = 10

BatchT = TypeVar("BatchT")
SampleT = TypeVar("SampleT")


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


def reporting(progress: Progress, epochs: int) -> Listener:
    """Return a listener that passes on steps, and a line for each of ``epochs``."""
    return Listener(
        on_step=lambda done, total: progress.bytes_done("训练", done, total),
        on_epoch=lambda epoch, loss: progress.note(f"第 {epoch}/{epochs} 轮，平均损失 {loss:.3f}"),
    )


SILENT, ONE_THREAD = Listener(), Machine()


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters by name, the peak of their learning rate and the option that sets it."""

    parameters: Mapping[str, nn.Parameter]
    rate: float
    option: str


@dataclass(frozen=True, slots=True)
class Course(Generic[BatchT]):
    """What is particular to a training.

    ``batches`` of an epoch (from 0) are always the same, and equally many in every epoch. ``losses``
    of a batch are the one that is told and the one that is minimised. The learning rates reach their
    peak after ``warmup_steps`` (at most a tenth of all) and fall along a cosine.
    """

    groups: Sequence[Group]
    batches: Callable[[int], Sequence[BatchT]]
    losses: Callable[[BatchT], tuple[Tensor, Tensor]]
    epochs: int
    warmup_steps: int
    weight_decay: float
    clip: float
    seed: int


def follow(
    course: Course[BatchT], network: nn.Module, checkpoint: Path, *, machine: Machine, listener: Listener
) -> None:
    """Train ``network``, whose parameters the course has, from ``checkpoint`` when there is one.

    The result depends on the course alone; another number of threads rounds differently. The
    caller's random state stays as it was.

    Raises:
        InputError: the loss is no longer a number.
        ModelCorruptError: the checkpoint cannot be read or is of another network.
        StorageError: it cannot be written.
    """
    with threads(machine.n_threads), torch.random.fork_rng(devices=[]):
        run = _Run(course)
        run.resume(checkpoint)
        saved = time.monotonic()
        listener.on_step(run.step, run.total)
        while run.step < run.total:
            network.train()
            for batch in run.rest_of_epoch():
                run.learn(batch)
                listener.on_step(run.step, run.total)
                if time.monotonic() - saved >= machine.checkpoint_seconds or run.at_border:
                    run.save(checkpoint)
                    saved = time.monotonic()
            listener.on_epoch(run.step // run.per_epoch, run.mean_loss())
        network.eval()


def mixed_batches(
    pool: list[SampleT], size: int, draw: random.Random, length: Callable[[SampleT], int]
) -> list[list[SampleT]]:
    """Shuffle ``pool`` and cut it into batches of ``size``, samples of like ``length`` together."""
    draw.shuffle(pool)
    span = size * _BUCKET
    ordered = [
        sample
        for start in range(0, len(pool), span)
        for sample in sorted(pool[start : start + span], key=length)
    ]
    batches = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    draw.shuffle(batches)
    return batches


class _Run(Generic[BatchT]):
    """A training at one of its steps."""

    def __init__(self, course: Course[BatchT]) -> None:
        torch.manual_seed(course.seed)
        self._course = course
        self._parameters = {name: each for group in course.groups for name, each in group.parameters.items()}
        groups: list[dict[str, Any]] = [
            {"params": list(group.parameters.values()), "lr": group.rate, "peak": group.rate}
            for group in course.groups
        ]
        self._optimiser = torch.optim.AdamW(groups, weight_decay=course.weight_decay)
        self.step = 0
        self.per_epoch = len(course.batches(0))
        self.total = self.per_epoch * course.epochs
        self._losses: list[float] = []

    @property
    def at_border(self) -> bool:
        """Whether an epoch has just ended."""
        return self.step % self.per_epoch == 0

    def rest_of_epoch(self) -> Iterator[BatchT]:
        """Yield the batches of this epoch that are still to come."""
        self._losses = []
        epoch, done = divmod(self.step, self.per_epoch)
        yield from self._course.batches(epoch)[done:]

    def learn(self, batch: BatchT) -> None:
        """Do one step."""
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * self._rate()
        told, minimised = self._course.losses(batch)
        self._losses.append(told.item())
        if not math.isfinite(self._losses[-1]):
            options = " 或 ".join(group.option for group in self._course.groups)
            raise InputError(f"训练发散了（损失不是数）；请调低 {options}，换一个 --out。")
        self._optimiser.zero_grad()
        minimised.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters.values(), self._course.clip)
        self._optimiser.step()
        self.step += 1

    def mean_loss(self) -> float:
        """Return the mean loss of the steps of this epoch that were done in this process."""
        return sum(self._losses) / max(1, len(self._losses))

    def save(self, path: Path) -> None:
        """Write the checkpoint; what is frozen is not in it."""
        save_checkpoint(path, self.step, self._parameters, self._optimiser, random=True)

    def resume(self, path: Path) -> None:
        """Take up the checkpoint ``path`` if there is one."""
        self.step = load_checkpoint(path, self._parameters, self._optimiser, random=True)

    def _rate(self) -> float:
        return rate_share(self.step, self.total, self._course.warmup_steps)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with ``count`` threads, and leave their number as it was."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
