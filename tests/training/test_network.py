"""The network, and that what is exported is the same function."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reviewer.classifier.files import CARD, HEAD, LAYERS, read_card
from reviewer.classifier.head import Head
from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.manual.catalogue import Catalogue
from reviewer.training.data import DataFile
from reviewer.training.export import FROM_SCRATCH, Provenance, export, head_of
from reviewer.training.figures import measure
from reviewer.training.model_card import README
from reviewer.training.network import Network, collate, special_tokens
from reviewer.training.recipe import Recipe
from reviewer.training.samples import Sample
from reviewer.training.start import continue_from, load_start
from tests.training.tiny import SPECIAL, Letters, eight_samples, tiny_catalogue, tiny_encoder, tiny_network

BASE = "b" * 64
PROVENANCE = Provenance(
    base=BASE,
    licence="MIT",
    data=(DataFile("train/a.jsonl", "a" * 64, 8),),
    recipe=Recipe(epochs=2, seed=7),
    manual="m" * 16,
    held_out=(DataFile("dev/b.jsonl", "c" * 64, 5),),
    figures={"rule_f1": 0.5},
)


@pytest.fixture
def small(catalogue: Catalogue) -> Catalogue:
    return tiny_catalogue(catalogue)


@pytest.fixture
def trained(small: Catalogue) -> Network:
    """A network every trainable part of which has moved away from where it began."""
    network = tiny_network(small)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parts in network.trainable(frozen_layers=0):
            for parameter in parts.values():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=draw))
    return network


@torch.no_grad()
def vectors_of(network: Network, sample: Sample) -> torch.Tensor:
    batch = collate([sample], SPECIAL.padding)
    found: torch.Tensor = network.encoder(batch.ids, attention_mask=batch.present).last_hidden_state
    return found


def by_numpy(
    head: Head, network: Network, sample: Sample
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    vectors = vectors_of(network, sample)[0].numpy()
    return head.score(vectors, sample.draft_start, sample.draft_start + len(sample.offsets)).logits


def test_attention_is_a_share_of_the_draft(trained: Network, small: Catalogue) -> None:
    samples = eight_samples(small).labelled
    with torch.no_grad():
        output = trained(collate(samples, SPECIAL.padding))
    assert output.logits.shape == (8, len(small.rules))
    assert torch.allclose(output.attention.sum(-1), torch.ones(8, len(small.rules)), atol=1e-5)
    for row, sample in enumerate(samples):
        inside = output.attention[row, :, sample.draft_start : sample.draft_start + len(sample.offsets)]
        assert torch.allclose(inside.sum(-1), torch.ones(len(small.rules)), atol=1e-5)


def test_neighbours_in_a_batch_change_nothing(trained: Network, small: Catalogue) -> None:
    samples = eight_samples(small).labelled
    with torch.no_grad():
        together = trained(collate(samples, SPECIAL.padding)).logits
        alone = torch.cat([trained(collate([each], SPECIAL.padding)).logits for each in samples])
    assert torch.allclose(together, alone, atol=1e-4)


def test_numpy_computes_what_torch_does(trained: Network, small: Catalogue) -> None:
    samples = eight_samples(small).labelled
    head = head_of(trained, small.rules, [1.0] * len(small.rules))
    with torch.no_grad():
        output = trained(collate(samples, SPECIAL.padding))
    for row, sample in enumerate(samples):
        part = slice(sample.draft_start, sample.draft_start + len(sample.offsets))
        scores = head.score(vectors_of(trained, sample)[0].numpy(), part.start, part.stop)
        assert np.abs(scores.logits - output.logits[row].numpy()).max() < 1e-4
        assert np.abs(scores.attention - output.attention[row, :, part].numpy()).max() < 1e-4


def test_a_dropped_delta_leaves_the_text(trained: Network) -> None:
    keep = torch.tensor([1.0, 0.0, 1.0, 1.0])
    (queries, bias), (whole, biases) = trained.queries(keep), trained.queries()
    assert torch.allclose(queries[1], trained.turn(trained.texts)[1])
    assert torch.allclose(bias[1], trained.bias)
    assert torch.equal(queries[2], whole[2])
    assert torch.equal(bias[2], biases[2])


def test_only_layers_and_head_are_trained(trained: Network) -> None:
    encoder, head = trained.trainable(frozen_layers=1)
    assert encoder
    assert all(name.startswith("encoder.encoder.layer.1.") for name in encoder)
    assert {"delta", "turn.weight", "sharpness"} <= head.keys()
    assert not any(name.startswith("encoder.") for name in head)
    still = {name for name, each in trained.named_parameters() if not each.requires_grad}
    assert "encoder.embeddings.word_embeddings.weight" in still
    assert "encoder.pooler.dense.weight" in still
    assert still.isdisjoint(encoder.keys() | head.keys())


def test_special_tokens_come_from_encoder_and_tokenizer() -> None:
    assert special_tokens(tiny_encoder(), Letters()) == SPECIAL


def test_export_fills_a_card_that_the_reviewer_accepts(
    trained: Network, small: Catalogue, tmp_path: Path
) -> None:
    export(trained, small.rules, [1.0, 0.0, 0.5, 1.0], PROVENANCE, tmp_path)
    card = read_card(tmp_path)
    assert (card.base, card.licence, card.figures) == (BASE, "MIT", {"rule_f1": 0.5})
    assert "train/a.jsonl（8 条" in card.data
    assert asdict(PROVENANCE.recipe).items() <= card.recipe.items()
    assert (card.recipe["seed"], card.recipe["start"]) == (7, FROM_SCRATCH)
    assert card.limits
    text = (tmp_path / README).read_text(encoding="utf-8")
    assert "a" * 64 in text
    assert "：0.500" in text
    head = Head.load(tmp_path / HEAD)
    assert head.rules.tolist() == [rule.id for rule in small.rules]
    assert head.pointed.tolist() == [1.0, 0.0, 0.5, 1.0]
    sample = eight_samples(small).labelled[0]
    with torch.no_grad():
        logits = trained(collate([sample], SPECIAL.padding)).logits[0].numpy()
    assert np.abs(by_numpy(head, trained, sample) - logits).max() < 1e-4


def test_going_on_starts_as_the_same_function(trained: Network, small: Catalogue, tmp_path: Path) -> None:
    export(trained, small.rules, [1.0] * 4, PROVENANCE, tmp_path)
    start = load_start(tmp_path, BASE)
    network = tiny_network(small, seed=5)
    continue_from(network, start, small.rules)
    head = Head.load(tmp_path / HEAD)
    for sample in eight_samples(small).labelled:
        # Layers were stored in 8 bits, so the vectors are near those of the trained network.
        assert torch.allclose(vectors_of(network, sample), vectors_of(trained, sample), atol=0.1)
        with torch.no_grad():
            logits = network(collate([sample], SPECIAL.padding)).logits[0].numpy()
        assert np.abs(by_numpy(head, network, sample) - logits).max() < 1e-4


def test_a_new_rule_starts_from_its_text_and_a_gone_one_is_dropped(
    trained: Network, catalogue: Catalogue, tmp_path: Path
) -> None:
    old, more = tiny_catalogue(catalogue), tiny_catalogue(catalogue, rules=5)
    export(trained, old.rules, [1.0] * 4, PROVENANCE, tmp_path)
    now = replace(more, rules=more.rules[:0:-1])  # the fifth is new, the first gone, the order turned
    network = tiny_network(now)
    start = load_start(tmp_path, BASE)
    continue_from(network, start, now.rules)
    queries, bias = network.queries()
    assert torch.allclose(queries[0], network.texts[0])
    assert bias[0].item() == pytest.approx(float(np.median(start.head.bias)))
    for row, number in ((1, 3), (2, 2), (3, 1)):
        assert np.allclose(queries[row].detach().numpy(), start.head.queries[number], atol=1e-5)
        assert bias[row].item() == pytest.approx(float(start.head.bias[number]), abs=1e-5)


def test_a_start_that_does_not_fit_is_one_clear_error(
    trained: Network, small: Catalogue, tmp_path: Path
) -> None:
    with pytest.raises(ModelMissingError):
        load_start(tmp_path, BASE)
    export(trained, small.rules, [1.0] * 4, PROVENANCE, tmp_path)
    with pytest.raises(ModelCorruptError, match="另一个编码器"):
        load_start(tmp_path, "c" * 64)
    start = load_start(tmp_path, BASE)
    first, *others = start.layers
    fewer = replace(start, layers={name: start.layers[name] for name in others})
    with pytest.raises(ModelCorruptError, match="形状"):
        continue_from(trained, fewer, small.rules)
    (tmp_path / LAYERS).write_bytes(b"torn")
    with pytest.raises(ModelCorruptError, match="SHA-256"):
        load_start(tmp_path, BASE)
    card = json.loads((tmp_path / CARD).read_text(encoding="utf-8"))
    assert first in start.layers
    assert card["base"] == BASE


def test_figures_count_only_what_is_not_masked(small: Catalogue) -> None:
    network = tiny_network(small)
    samples = eight_samples(small).labelled
    with torch.no_grad():
        network.bias.fill_(1000.0)  # says yes to everything
    found = measure(network, samples, SPECIAL.padding)
    # 8 drafts, 4 rules, all apply: 32 said, 4 right, so F1 = 2 * 4 / (32 + 4).
    assert found["rule_f1"] == pytest.approx(8 / 36)
    assert (found["flag_recall"], found["flag_specificity"]) == (1.0, 0.0)
    unmasked = [replace(sample, mask=(0.0,) * 4, quotes=()) for sample in samples]
    # Nothing may be said and nothing is wrong: no recall, no pointing, no F1; all eight are let pass.
    assert measure(network, unmasked, SPECIAL.padding) == {"flag_specificity": 1.0}
    assert measure(network, [], SPECIAL.padding) == {}
