"""Two classifiers of one lineage made into one, by averaging their weights.

A network that went on from another keeps what both know when the weights of the two are averaged, and
loses less on kinds of text that the later training had not in view. Source: Wortsman et al. 2022,
"Robust fine-tuning of zero-shot models" (WiSE-FT). Networks that were started apart do not average.
"""

from dataclasses import fields
from pathlib import Path

import numpy as np

from reviewer.classifier.files import HEAD, LAYERS, Card, identity_of, read_card, write_card
from reviewer.classifier.head import Head
from reviewer.errors import InputError
from reviewer.files import atomic_path, ensure_dir
from reviewer.models.e5 import write_layers
from reviewer.models.hashing import file_sha256
from reviewer.training.folder import is_finished
from reviewer.training.model_card import together
from reviewer.training.start import Start, load_start


def average(first: Path, second: Path, out: Path, *, share: float) -> Card:
    """Write the classifier whose weights are ``(1 - share) * first + share * second`` (some 2 s).

    Args:
        first: A classifier.
        second: One that went on from it, or both from a third.
        out: A folder that holds no classifier yet.
        share: Weight of ``second``, 0-1.

    Raises:
        InputError: ``out`` is taken, or the two do not know the same rules or are of other shapes.
        ModelError: one of the two is missing or damaged.
        StorageError: ``out`` cannot be written.
    """
    ensure_dir(out)
    if is_finished(out):
        raise InputError(f"{out} 里已经有一个分类器；请换一个 --out。")
    cards = read_card(first), read_card(second)
    one, other = load_start(first, cards[0].base), load_start(second, cards[0].base)
    _refuse_strangers(one, other)
    layers = {name: _mean(values, other.layers[name], share) for name, values in one.layers.items()}
    with atomic_path(out / LAYERS) as temporary:
        write_layers(layers, temporary)
    _mean_head(one.head, other.head, share).save(out / HEAD)
    card = cards[1].model_copy(
        update={
            "layers": file_sha256(out / LAYERS),
            "head": file_sha256(out / HEAD),
            "data": together(*(each.data for each in cards)),
            "recipe": {**cards[1].recipe, "average_with": identity_of(cards[0]), "share": share},
            "figures": {},
        }
    )
    write_card(out, card)
    return card


def _refuse_strangers(one: Start, other: Start) -> None:
    same = np.array_equal(one.head.rules, other.head.rules) and np.array_equal(
        one.head.texts, other.head.texts
    )
    if not same or one.layers.keys() != other.layers.keys():
        raise InputError(
            "两个分类器认得的规则不同，不能取平均；请给出同一份手册上、一个接着另一个训练的两个。"
        )


def _mean_head(one: Head, other: Head, share: float) -> Head:
    named = ("rules", "texts")
    values = {
        field.name: _mean(getattr(one, field.name), getattr(other, field.name), share)
        for field in fields(Head)
        if field.name not in named
    }
    return Head(rules=one.rules, texts=one.texts, **values)


def _mean(
    one: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    other: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    share: float,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray((1 - share) * one + share * other, dtype=np.float32)
