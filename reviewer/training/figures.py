"""How good a network is on held-out samples, at threshold 0.5, before quantization and calibration."""

from collections.abc import Sequence

import torch

from reviewer.training.network import Network, collate
from reviewer.training.samples import Sample

_BATCH = 32


@torch.no_grad()
def measure(network: Network, samples: Sequence[Sample], padding: int) -> dict[str, float]:
    """Return the figures of ``LABELS``, each from 0 to 1, higher is better; one without cases is left out.

    ``rule_f1`` is over all rules of all samples together (micro). ``pointing``: where a rule's
    attention is highest, over the labelled quotes. Cells that are masked do not count.
    """
    network.eval()
    found, broken, pointed = [], [], []
    for start in range(0, len(samples), _BATCH):
        part = samples[start : start + _BATCH]
        logits, attention = network(collate(part, padding))
        mask = torch.tensor([sample.mask for sample in part]) > 0
        found.append((logits > 0) & mask)
        broken.append((torch.tensor([sample.targets for sample in part]) > 0) & mask)
        pointed += [
            int(attention[row, quote.rule].argmax()) - sample.draft_start in quote.tokens
            for row, sample in enumerate(part)
            for quote in sample.quotes
        ]
    if not found:
        return {}
    said, gold = torch.cat(found), torch.cat(broken)
    flagged, bad = said.any(1), gold.any(1)
    shares = {
        "rule_f1": (2 * int((said & gold).sum()), int(said.sum() + gold.sum())),
        "flag_recall": (int((flagged & bad).sum()), int(bad.sum())),
        "flag_specificity": (int((~flagged & ~bad).sum()), int((~bad).sum())),
        "pointing": (sum(pointed), len(pointed)),
    }
    return {name: hits / cases for name, (hits, cases) in shares.items() if cases}
