"""What every training keeps on disk between two steps, and how its learning rate runs."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch

from reviewer.errors import ModelCorruptError, StorageError
from reviewer.files import atomic_path

Parameters = Mapping[str, torch.Tensor]


def save_checkpoint(
    path: Path, step: int, parameters: Parameters, optimiser: torch.optim.Optimizer, *, random: bool
) -> None:
    """Write the checkpoint; what is frozen is not in it.

    Args:
        path: Written whole or not at all.
        step: Steps done.
        parameters: What learns, by name.
        optimiser: Its state is kept.
        random: Whether the training draws from torch, so that its random state is kept too.

    Raises:
        StorageError: it cannot be written.
    """
    state = {
        "step": step,
        "parameters": {name: each.detach() for name, each in parameters.items()},
        "optimiser": optimiser.state_dict(),
        **({"random": torch.get_rng_state()} if random else {}),
    }
    with atomic_path(path) as temporary:
        try:
            with temporary.open("wb") as stream:
                torch.save(state, stream)
        except RuntimeError as cause:  # torch's own way to say that the disk is full
            raise StorageError(f"写不了检查点 {path}；请检查磁盘空间。") from cause


def load_checkpoint(
    path: Path, parameters: Parameters, optimiser: torch.optim.Optimizer, *, random: bool
) -> int:
    """Take up the checkpoint ``path`` in place; return the steps done, 0 when there is none.

    Raises:
        ModelCorruptError: it cannot be read or is of another network.
    """
    if not path.exists():
        return 0
    try:
        state = torch.load(path, weights_only=True)
        if state["parameters"].keys() != parameters.keys():
            raise ValueError("another network")
        with torch.no_grad():
            for name, values in state["parameters"].items():
                parameters[name].copy_(values)
        optimiser.load_state_dict(state["optimiser"])
        if random:
            torch.set_rng_state(state["random"])
        return int(state["step"])
    except Exception as cause:  # of a torn file, torch may raise anything
        raise ModelCorruptError(f"检查点 {path} 已损坏；请删除它，从头训练。") from cause


def rate_share(step: int, total: int, warmup_steps: int) -> float:
    """Return the learning rate of ``step`` as a share of its peak: a short rise, then a cosine to 0."""
    warmup = min(warmup_steps, total // 10)
    rising = min(1.0, (step + 1) / max(1, warmup))
    return rising * 0.5 * (1 + math.cos(math.pi * step / total))
