"""What torch trained and what llama.cpp then runs are one model."""

import math
from pathlib import Path

import pytest
import torch

from reviewer.deadline import Deadline
from reviewer.engine.chat import chat_format
from reviewer.engine.library import LoadedModel
from reviewer.engine.llama import LlamaConfig, LlamaEngine
from reviewer.engine.protocol import Prompt, Tail
from reviewer.models.adapter import ADAPTER, read_adapter_card, verified_adapter
from reviewer.training.data import DataFile
from reviewer.training.model_card import README
from reviewer.training.rewriter.base import BaseModel
from reviewer.training.rewriter.export import Provenance, export, write_adapter
from reviewer.training.rewriter.lora import UpperHalf
from tests.training.rewriter.tiny import RECIPE, taught, upper_half

PROMPT = Prompt("system: be kind", "draft: wait a moment, will you? ")
TAIL = Tail("rule: please and thank you", "")
CHOICES = [chr(letter) for letter in range(97, 123)]
# llama.cpp keeps keys and values, and the adapter is exported, in half precision.
TOLERANCE = 0.05


def tokens_of(model: Path) -> tuple[list[int], list[int]]:
    """The prefix and all that follows, as the engine decodes them."""
    loaded = LoadedModel(model)
    try:
        chat = chat_format(lambda text: loaded.tokenize(text, special=True))
        rest = [*loaded.tokenize(PROMPT.user), *chat.tail(loaded, TAIL)]
        return chat.prefix(loaded, PROMPT.system), rest
    finally:
        loaded.close()


@torch.no_grad()
def in_torch(model: Path, *, layers: int, learned: bool) -> tuple[UpperHalf, list[float]]:
    recipe = type(RECIPE)(layers=layers, rank=RECIPE.rank, alpha=RECIPE.alpha)
    base, (prefix, rest) = BaseModel(model, rounded=False), tokens_of(model)
    first = base.n_layers - layers
    upper = UpperHalf(*base.upper(first), first, recipe, len(prefix))
    if learned:
        taught(upper)
    ids = torch.tensor([[*prefix, *rest]])
    states = base.lower(first)(input_ids=ids).last_hidden_state
    logits = upper(states, [(ids.shape[1] - 1, ids.shape[1])])[0]
    return upper, [float(logits[ord(choice)]) for choice in CHOICES]


def in_llama(model: Path, adapter: Path | None) -> list[float]:
    config = LlamaConfig(model, "m", adapter, "a" if adapter else "", n_ctx=1024, n_threads=1)
    with LlamaEngine(config) as engine:
        (scores,) = engine.score(PROMPT, [TAIL], CHOICES, deadline=Deadline())
    assert scores is not None
    return list(scores)


def apart(left: list[float], right: list[float]) -> float:
    # Bytes outside ASCII have other ids in this vocabulary; letters are their own.
    return max(abs(a - b) for a, b in zip(left, right, strict=True))


def test_the_dequantized_halves_are_the_model_that_llama_runs(model: Path) -> None:
    _, fresh = in_torch(model, layers=1, learned=False)
    assert apart(fresh, in_llama(model, None)) < TOLERANCE


@pytest.mark.parametrize("layers", [1, 2])
def test_torch_with_the_adapter_agrees_with_llama_and_the_exported_one(
    layers: int, model: Path, tmp_path: Path
) -> None:
    _, fresh = in_torch(model, layers=layers, learned=False)
    upper, learned = in_torch(model, layers=layers, learned=True)
    recipe = type(RECIPE)(layers=layers, rank=RECIPE.rank, alpha=RECIPE.alpha)
    write_adapter(upper, recipe, "base", tmp_path / "adapter.gguf")
    assert apart(fresh, learned) > 10 * TOLERANCE, "an adapter that changes nothing proves nothing"
    assert apart(learned, in_llama(model, tmp_path / "adapter.gguf")) < TOLERANCE


def test_fresh_adapters_change_nothing(model: Path) -> None:
    states = torch.randn(1, 12, BaseModel(model).width)
    layers, output = BaseModel(model).upper(1)
    before = layers(inputs_embeds=states).last_hidden_state[0] @ output.T
    after = upper_half(model)(states, [(0, 12)])
    assert torch.allclose(before, after, atol=1e-5)


def test_the_prefix_goes_without_the_adapter(model: Path) -> None:
    states = torch.randn(1, 12, BaseModel(model).width)
    fresh, learned = upper_half(model), taught(upper_half(model))
    skip = 6
    assert torch.allclose(fresh(states, [(0, skip)]), learned(states, [(0, skip)]), atol=1e-5)
    assert not torch.allclose(fresh(states, [(skip, 12)]), learned(states, [(skip, 12)]), atol=0.1)


def test_export_writes_a_folder_that_says_what_it_is(model: Path, tmp_path: Path) -> None:
    provenance = Provenance(
        base="b" * 64,
        base_name="tiny",
        licence="Apache-2.0",
        prompts="p",
        manual="m",
        wordings="w",
        data=(DataFile("train/a.jsonl", "d" * 64, 7),),
        n_samples=6,
        recipe=RECIPE,
        held_out=(DataFile("dev/b.jsonl", "e" * 64, 2),),
        figures={"loss": 1.25, "token_accuracy": 0.5},
    )
    card = export(taught(upper_half(model)), provenance, tmp_path / "out")
    assert read_adapter_card(tmp_path / "out") == card
    path = verified_adapter(tmp_path / "out", card, tmp_path, base="b" * 64, prompts="p")
    assert path == tmp_path / "out" / ADAPTER
    assert (card.base, card.licence, card.recipe["rank"]) == ("b" * 64, "Apache-2.0", 4)
    told = (tmp_path / "out" / README).read_text(encoding="utf-8")
    for words in ("train/a.jsonl：7 条", "dev/b.jsonl（2 条", "每词元损失：1.250", card.adapter, "## 局限"):
        assert words in told
    with LlamaEngine(LlamaConfig(model, "m", path, card.adapter, n_ctx=1024, n_threads=1)) as engine:
        (scores,) = engine.score(PROMPT, [TAIL], ["y", "n"], deadline=Deadline())
    assert scores is not None
    assert all(map(math.isfinite, scores))
