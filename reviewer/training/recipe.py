"""Everything that decides the result of a training besides data, encoder and start."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """The hyperparameters; the defaults are those of the classifier that is shipped.

    ``encoder_rate`` and ``head_rate`` are the peaks of the learning rates, reached after
    ``warmup_steps`` (at most a tenth of all) and then falling along a cosine. ``rewrite_share``: how
    many of the labelled rewrites each epoch sees. ``unk_share``: share of the tokens replaced by the
    unknown one. ``delta_keep``: chance that a rule keeps what it learned beyond its text in a step.
    ``attention_weight``: weight of pointing at the quote. ``red_weight``: how much more a violated
    red line counts; every violation counts the square root of its rarity, capped at
    ``rarity_cap``. ``frozen_layers``: how many of the lowest layers stay as they are.
    ``padding_share``: share of the labelled drafts that stand beside another, compliant text in an
    epoch, so that a violation is found in a long draft too.
    """

    epochs: int = 12
    batch: int = 16
    encoder_rate: float = 1e-4
    head_rate: float = 1e-3
    weight_decay: float = 0.01
    rewrite_share: float = 1 / 3
    unk_share: float = 0.03
    delta_keep: float = 0.85
    attention_weight: float = 0.3
    red_weight: float = 1.3
    seed: int = 0
    frozen_layers: int = 0
    warmup_steps: int = 60
    rarity_cap: float = 15.0
    clip: float = 1.0
    padding_share: float = 0.15


@dataclass(frozen=True, slots=True)
class RetrieverRecipe:
    """The hyperparameters of the retriever.

    ``rate`` is the peak of the learning rate. ``hard_negatives``: how many rules that a draft keeps,
    but that the untrained index ranks high, stand in its batch besides the rules of the other drafts.
    ``near_miss_weight``: how much a rule that a draft resembles breaking counts as one it breaks;
    such a rule is never a negative. ``hold_out``: rules (ids) of which training sees neither the text
    nor a draft that breaks them. ``temperature`` divides the cosines.

    Source: temperature of Wang et al. 2024, "Multilingual E5 Text Embeddings".
    """

    epochs: int = 4
    batch: int = 32
    rate: float = 5e-5
    weight_decay: float = 0.01
    hard_negatives: int = 4
    near_miss_weight: float = 0.0
    hold_out: tuple[str, ...] = ()
    temperature: float = 0.01
    seed: int = 0
    frozen_layers: int = 0
    warmup_steps: int = 30
    clip: float = 1.0
