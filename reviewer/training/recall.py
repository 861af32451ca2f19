"""Rankings of the rules by an index in memory, and how often they bring up what a draft breaks."""

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from reviewer.evaluation.examples import Example
from reviewer.index.chunks import chunk_manual
from reviewer.index.store import build_index, open_index
from reviewer.manual.catalogue import Catalogue
from reviewer.retrieval import IndexRetriever, LlamaEncoder
from reviewer.training.data import conversation_for

# Those of the harness (``reviewer.evaluation.metrics.retrieval``), which needs more packages.
DEPTHS = (1, 3, 5, 8)

Rankings = Mapping[str, Sequence[str]]


def rank_examples(
    examples: Sequence[Example],
    catalogue: Catalogue,
    encoder: LlamaEncoder,
    *,
    on_example: Callable[[int, int], None] = lambda _done, _total: None,
) -> Rankings:
    """Return, by the id of the example, the rules as the fused index of ``encoder`` ranks them, best first.

    Takes some 20 ms a passage and 40 ms an example.
    """
    with tempfile.TemporaryDirectory() as folder:
        passages = chunk_manual(catalogue.sections, catalogue.rules)
        build_index(Path(folder), passages, encoder, manual_hash=catalogue.content_hash)
        index = open_index(
            Path(folder), manual_hash=catalogue.content_hash, encoder_identity=encoder.identity
        )
    retriever = IndexRetriever(index, encoder)
    rankings = {}
    for number, example in enumerate(examples, start=1):
        relevance = retriever.relevance(conversation_for(example))
        rankings[example.id] = sorted(relevance, key=lambda rule: -relevance[rule].fused)
        on_example(number, len(examples))
    return rankings


def recall_figures(
    rankings: Rankings, examples: Sequence[Example], catalogue: Catalogue, held_out: Collection[str]
) -> dict[str, float]:
    """Return recall@k, 0-1, of the broken situational rules, of seen and of held-out ones apart.

    As the harness counts: over all broken rules of all examples together, among the situational rules
    alone. Where no example breaks a rule of one sort, that sort has no figure.

    Args:
        rankings: What ``rank_examples`` says of ``examples``.
        examples: What is labelled.
        catalogue: Whose rules.
        held_out: Rules that were left out of training.
    """
    situational = {rule.id for rule in catalogue.rules if not rule.standing}
    sorts = {"seen": situational - set(held_out), "held_out": situational & set(held_out)}
    return {
        f"recall_at_{depth}_{sort}": sum(place < depth for place in places) / len(places)
        for sort, rules in sorts.items()
        if (places := _places(rankings, examples, situational, rules))
        for depth in DEPTHS
    }


def _places(
    rankings: Rankings, examples: Sequence[Example], situational: Collection[str], rules: Collection[str]
) -> list[int]:
    """Return the place, from 0, of each broken rule of ``rules`` among the situational ones."""
    places = []
    for example in examples:
        ranking = [rule for rule in rankings[example.id] if rule in situational]
        places += [ranking.index(rule) for rule in sorted(example.gold & set(rules))]
    return places
