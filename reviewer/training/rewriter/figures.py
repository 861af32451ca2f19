"""How well a model foretells the labelled replies, before quantization; not how good its own replies are."""

from collections.abc import Sequence

import torch

from reviewer.training.rewriter.activations import Activations
from reviewer.training.rewriter.loop import loss_of
from reviewer.training.rewriter.lora import UpperHalf
from reviewer.training.rewriter.samples import Sample

LABELS = {"loss": "每词元损失", "token_accuracy": "词元准确率"}


@torch.no_grad()
def measure(
    model: UpperHalf, samples: Sequence[Sample], states: Activations, numbers: Sequence[int]
) -> dict[str, float]:
    """Return the figures of ``LABELS`` on the samples ``numbers``: both are means over the replies' tokens.

    Nothing for no samples. The model reads the right reply as it goes: the figures say how likely each
    next token of it is.
    """
    loss, hits = 0.0, 0
    for number in numbers:
        summed, right = loss_of(model, samples, states, [number])
        loss, hits = loss + summed.item(), hits + right
    n_tokens = sum(samples[number].n_reply for number in numbers)
    return {"loss": loss / n_tokens, "token_accuracy": hits / n_tokens} if n_tokens else {}
