"""Two classifiers of one lineage as one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reviewer.classifier.files import read_card
from reviewer.classifier.head import Head
from reviewer.errors import InputError
from reviewer.manual.catalogue import Catalogue
from reviewer.training.average import average
from reviewer.training.export import export
from reviewer.training.start import load_start
from tests.training.test_network import PROVENANCE
from tests.training.tiny import tiny_catalogue, tiny_network


@pytest.fixture
def two(catalogue: Catalogue, tmp_path: Path) -> tuple[Path, Path]:
    small = tiny_catalogue(catalogue)
    network = tiny_network(small)
    export(network, small.rules, [1.0] * 4, PROVENANCE, tmp_path / "a")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.5)
    export(network, small.rules, [0.0] * 4, PROVENANCE, tmp_path / "b")
    return tmp_path / "a", tmp_path / "b"


def test_every_weight_lies_between(two: tuple[Path, Path], tmp_path: Path) -> None:
    card = average(*two, tmp_path / "mean", share=0.25)
    assert read_card(tmp_path / "mean") == card
    assert card.recipe["share"] == 0.25
    assert card.data == read_card(two[0]).data
    first, second, mean = (load_start(folder, card.base) for folder in (*two, tmp_path / "mean"))
    for name, values in mean.layers.items():
        expected = 0.75 * first.layers[name] + 0.25 * second.layers[name]
        # Eight bits a weight: the step is a 127th of the largest of 32.
        assert np.abs(values - expected).max() <= np.abs(expected).max() / 127
    assert mean.head.pointed.tolist() == [0.75] * 4
    np.testing.assert_allclose(mean.head.queries, 0.75 * first.head.queries + 0.25 * second.head.queries)


def test_strangers_do_not_average(two: tuple[Path, Path], catalogue: Catalogue, tmp_path: Path) -> None:
    small = tiny_catalogue(catalogue)
    rules = [replace(rule, id=f"X{number}") for number, rule in enumerate(small.rules)]
    export(tiny_network(small), rules, [1.0] * 4, PROVENANCE, tmp_path / "c")
    assert Head.load(tmp_path / "c" / "head.npz").rules.tolist() == ["X0", "X1", "X2", "X3"]
    with pytest.raises(InputError, match="不同"):
        average(two[0], tmp_path / "c", tmp_path / "mean", share=0.5)
    assert not (tmp_path / "mean" / "card.json").exists()


def test_a_folder_that_is_taken_stays(two: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="--out"):
        average(*two, two[0], share=0.5)
