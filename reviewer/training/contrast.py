"""The retriever in torch: one encoder for queries and passages, trained on which of them belong together.

sentence-transformers' trainer needs two more packages (accelerate, datasets), and its losses know one
positive a query; a draft breaks several rules.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reviewer.training.course import ONE_THREAD, SILENT, Course, Group, Listener, Machine, follow
from reviewer.training.folder import CHECKPOINT
from reviewer.training.network import trainable_layers
from reviewer.training.pairs import Ids, PairBatch, Pairs, pair_batches
from reviewer.training.recipe import RetrieverRecipe

# Texts side by side in one pass: few, so that short ones are not filled up to the length of long ones.
_SIDE_BY_SIDE = 16

# Far below any cosine over any temperature; minus infinity would have no gradient.
_NOWHERE = -1e9


class Tower(nn.Module):
    """Texts to unit vectors, as ``reviewer.retrieval.LlamaEncoder`` does it: mean of all tokens."""

    def __init__(self, encoder: nn.Module) -> None:
        """Keep ``encoder``, a BERT model of transformers."""
        super().__init__()
        self.encoder = encoder
        config: Any = encoder.config
        self._padding = int(config.pad_token_id)

    def forward(self, texts: Sequence[Ids]) -> Tensor:
        """Return shape [texts, H], in the order of ``texts``, of which there is at least one."""
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        parts = [
            self._encode([texts[row] for row in order[start : start + _SIDE_BY_SIDE]])
            for start in range(0, len(order), _SIDE_BY_SIDE)
        ]
        return torch.cat(parts)[torch.tensor(order).argsort()]

    def _encode(self, texts: Sequence[Ids]) -> Tensor:
        rows = [torch.tensor(ids) for ids in texts]
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self._padding)
        lengths = torch.tensor([len(row) for row in rows])[:, None]
        present = (torch.arange(ids.shape[1]) < lengths).long()
        vectors = self.encoder(ids, attention_mask=present).last_hidden_state
        mean = (vectors * present[..., None]).sum(1) / lengths
        return nn.functional.normalize(mean, dim=1)


def contrastive_loss(queries: Tensor, documents: Tensor, batch: PairBatch, temperature: float) -> Tensor:
    """Return the mean, over what is to be found, of how little it stands out from what is not.

    Every positive competes with all rules of the batch that its draft keeps, and with no other positive
    of the same draft. Source: InfoNCE (van den Oord et al. 2018).

    Args:
        queries: Unit vectors of the queries of ``batch``, [Q, H].
        documents: Of its documents, [D, H].
        batch: Says what belongs together.
        temperature: Divides the cosines; greater than 0.
    """
    weights = torch.tensor(
        [[query.positives.get(rule, 0.0) for rule in batch.rules] for query in batch.queries]
    )
    unsure = torch.tensor([[rule in query.unsure for rule in batch.rules] for query in batch.queries])
    scores = queries @ documents.T / temperature
    others = scores.masked_fill((weights > 0) | unsure, _NOWHERE).logsumexp(1, keepdim=True)
    return (weights * nn.functional.softplus(others - scores)).sum() / weights.sum()


def train_tower(
    tower: Tower,
    pairs: Pairs,
    recipe: RetrieverRecipe,
    folder: Path,
    *,
    machine: Machine = ONE_THREAD,
    listener: Listener = SILENT,
) -> None:
    """Train ``tower`` in place, from the checkpoint in ``folder`` when there is one.

    Raises:
        InputError: the loss is no longer a number.
        ModelCorruptError: the checkpoint cannot be read or is of another network.
        StorageError: it cannot be written.
    """

    def losses(batch: PairBatch) -> tuple[Tensor, Tensor]:
        queries = tower([query.ids for query in batch.queries])
        loss = contrastive_loss(queries, tower(batch.documents), batch, recipe.temperature)
        return loss, loss

    course = Course(
        groups=(Group(trainable_layers(tower, recipe.frozen_layers), recipe.rate, "--rate"),),
        batches=lambda epoch: pair_batches(pairs, recipe, epoch),
        losses=losses,
        epochs=recipe.epochs,
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        clip=recipe.clip,
        seed=recipe.seed,
    )
    follow(course, tower, folder / CHECKPOINT, machine=machine, listener=listener)
