"""The numbers of a training."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RewriterRecipe:
    """Everything but the data that decides the outcome.

    ``layers``: how many of the upper layers learn; the others stay frozen and are computed once.
    ``rank``: of the LoRA; it is scaled by ``alpha / rank``. ``batch``: samples computed side by side;
    ``accumulate``: batches in a step. ``rate``: highest learning rate. ``identity_share``: compliant
    drafts to be left as they are, as a share of the rewrites. ``limit``: how many rewrites are learned
    from, 0 for all.
    """

    layers: int = 8
    rank: int = 16
    epochs: int = 2
    alpha: float = 32.0
    batch: int = 4
    accumulate: int = 2
    rate: float = 3e-4
    weight_decay: float = 0.0
    warmup_steps: int = 20
    clip: float = 1.0
    identity_share: float = 0.1
    limit: int = 0
    seed: int = 0
