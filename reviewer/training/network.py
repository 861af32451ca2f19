"""The network in torch: a BERT encoder and the label-attention head of ``reviewer.classifier.head``."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from reviewer.classifier.text import Tokenizer
from reviewer.errors import ModelCorruptError
from reviewer.models.e5 import PASSAGE_PROMPT
from reviewer.training.samples import Sample
from reviewer.types import Rule

HIDDEN, DROPOUT = 192, 0.1
MAX_RULE_TOKENS = 300

# Length of a rule's text vector as a share of sqrt(width); the first bias of every rule, for few are
# violated; the first sharpness of the attention.
_TEXT_SCALE, _FIRST_BIAS, _SHARPNESS = 0.3, -3.0, 4.0

# Unicode promises that no text holds it, so no vocabulary does.
_NONCHARACTER = "\ufdd0"


class Special(NamedTuple):
    """Token ids with a meaning; the unknown one is the noise of training."""

    bos: int
    eos: int
    padding: int
    unknown: int


class Batch(NamedTuple):
    """Samples side by side, shape [samples, tokens]; ``present`` and ``draft`` are 1 where a token is."""

    ids: Tensor
    present: Tensor
    draft: Tensor


class Output(NamedTuple):
    """``logits`` [samples, R]; ``attention`` [samples, R, tokens], 0 outside the draft, rows sum to 1."""

    logits: Tensor
    attention: Tensor


class Network(nn.Module):
    """Scores every rule; ``head_of`` in ``export`` folds it into the numpy ``Head``.

    The query of a rule is ``turn(text vector) + delta``: what its text says, and what was learned
    beyond that. ``keep`` drops the latter now and then, so that the former alone works too.
    """

    def __init__(self, encoder: nn.Module, texts: Tensor) -> None:
        """Put an untrained head on ``encoder``; ``texts`` [R, H] are the ``text_vectors`` of the rules."""
        super().__init__()
        rules, width = texts.shape
        self.encoder = encoder
        self.texts: Tensor
        self.register_buffer("texts", texts)
        self.turn = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.turn.weight)
        self.delta = nn.Parameter(torch.zeros_like(texts))
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.hidden = nn.Linear(5 * width, HIDDEN)
        self.out = nn.Linear(HIDDEN, 1)
        self.bias = nn.Parameter(torch.tensor(_FIRST_BIAS))
        self.bias_delta = nn.Parameter(torch.zeros(rules))
        self.sharpness = nn.Parameter(torch.full((2,), _SHARPNESS))

    def queries(self, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return queries [R, H] and biases [R]; ``keep`` [R] is 0 where a rule's delta is dropped."""
        part = torch.ones_like(self.bias_delta) if keep is None else keep
        return self.turn(self.texts) + self.delta * part[:, None], self.bias + self.bias_delta * part

    def forward(self, batch: Batch, keep: Tensor | None = None) -> Output:
        """Score every rule on every sample."""
        vectors = self.encoder(batch.ids, attention_mask=batch.present).last_hidden_state
        return self.head(vectors, batch, keep)

    def head(self, vectors: Tensor, batch: Batch, keep: Tensor | None = None) -> Output:
        """Return the scores of what the encoder made of ``batch``: ``vectors`` [samples, tokens, H]."""
        queries, bias = self.queries(keep)
        keys, values = self.key(vectors), self.value(vectors)
        affinity = torch.einsum("rd,bld->brl", queries, keys) / math.sqrt(queries.shape[1])
        everywhere = _attend(affinity * self.sharpness[0], batch.present) @ values
        attention = _attend(affinity * self.sharpness[1], batch.draft)
        in_draft = attention @ values
        q = queries[None].expand_as(in_draft)
        features = torch.cat([everywhere, in_draft, q, everywhere * q, in_draft * q], dim=-1)
        hidden = nn.functional.dropout(nn.functional.gelu(self.hidden(features)), DROPOUT, self.training)
        return Output(self.out(hidden).squeeze(-1) + bias, attention)

    def trainable(self, frozen_layers: int) -> tuple[dict[str, nn.Parameter], dict[str, nn.Parameter]]:
        """Freeze the embeddings and the lowest layers; return what is left of the encoder, and the head."""
        encoder = trainable_layers(self, frozen_layers)
        named = self.named_parameters()
        return encoder, {name: each for name, each in named if not name.startswith("encoder.")}


def trainable_layers(network: nn.Module, frozen_layers: int) -> dict[str, nn.Parameter]:
    """Freeze what is below layer ``frozen_layers`` of ``network.encoder``, or in none; return the rest."""
    trainable = {}
    for name, parameter in network.named_parameters():
        if not name.startswith("encoder."):
            continue
        layer = layer_of(name)
        parameter.requires_grad_(layer is not None and layer >= frozen_layers)
        if parameter.requires_grad:
            trainable[name] = parameter
    return trainable


def layer_of(name: str) -> int | None:
    """Return the number of the layer that the parameter ``name`` of a network belongs to, if any."""
    parts = name.split(".")
    return int(parts[3]) if parts[:3] == ["encoder", "encoder", "layer"] else None


def collate(samples: Sequence[Sample], padding: int) -> Batch:
    """Put samples side by side, filled up with ``padding``."""
    shape = len(samples), max(len(sample.ids) for sample in samples)
    ids = torch.full(shape, padding)
    present = torch.zeros(shape, dtype=torch.long)
    draft = torch.zeros(shape, dtype=torch.long)
    for row, sample in enumerate(samples):
        ids[row, : len(sample.ids)] = torch.tensor(sample.ids)
        present[row, : len(sample.ids)] = 1
        draft[row, sample.draft_start : sample.draft_start + len(sample.offsets)] = 1
    return Batch(ids, present, draft)


def load_encoder(folder: Path) -> nn.Module:
    """Return the BERT encoder of a sentence-transformers folder in float32 (about 2 s).

    Raises:
        ModelCorruptError: it cannot be loaded.
    """
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        encoder: nn.Module = AutoModel.from_pretrained(
            str(folder), dtype=torch.float32, local_files_only=True
        )
    except (OSError, ValueError, RuntimeError) as cause:
        raise ModelCorruptError(f"编码器 {folder} 无法载入；请删除该目录后重试。") from cause
    return encoder


def special_tokens(encoder: nn.Module, tokenizer: Tokenizer) -> Special:
    """Return the ids of the special tokens of an encoder and its tokenizer."""
    config: Any = encoder.config
    unknown = tokenizer.pieces(_NONCHARACTER)[-1].id
    return Special(tokenizer.bos, tokenizer.eos, int(config.pad_token_id), unknown)


@torch.no_grad()
def text_vectors(encoder: nn.Module, rules: Sequence[Rule], tokenizer: Tokenizer) -> Tensor:
    """Return what ``encoder`` makes of the text of each rule, [R, H] (about 30 ms a rule).

    The mean of the token vectors, less the mean over all rules, which all manuals share.
    """
    encoder.eval()
    rows = []
    for rule in rules:
        text = f"{PASSAGE_PROMPT}{rule.title}。{rule.when}。{rule.require}。忌：{rule.avoid}。{rule.bad}"
        ids = [piece.id for piece in tokenizer.pieces(text)][:MAX_RULE_TOKENS]
        given = torch.tensor([[tokenizer.bos, *ids, tokenizer.eos]])
        rows.append(encoder(given).last_hidden_state[0].mean(0))
    vectors = torch.stack(rows)
    vectors = vectors - vectors.mean(0)
    lengths: Tensor = vectors.norm(dim=1, keepdim=True).clamp(min=1e-6)
    return vectors / lengths * math.sqrt(vectors.shape[1]) * _TEXT_SCALE


def _attend(affinity: Tensor, where: Tensor) -> Tensor:
    return affinity.masked_fill(where[:, None] == 0, -1e9).softmax(-1)
