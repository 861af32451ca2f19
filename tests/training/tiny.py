"""A network small enough to train in a test."""

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import nn

from reviewer.evaluation.examples import Example, LabelledViolation
from reviewer.manual.catalogue import Catalogue
from reviewer.training.network import Network, Special, text_vectors
from reviewer.training.samples import TrainingSet, pointed_shares, training_set

VOCABULARY, SPECIAL = 128, Special(bos=0, eos=2, padding=1, unknown=3)


class Letter(NamedTuple):
    id: int
    start: int
    end: int


class Letters:
    """A token a character."""

    bos, eos = SPECIAL.bos, SPECIAL.eos

    def pieces(self, text: str) -> list[Letter]:
        return [Letter(_id(letter), at, at + 1) for at, letter in enumerate(text)]


def _id(letter: str) -> int:
    return SPECIAL.unknown if letter == "\ufdd0" else 4 + ord(letter) % (VOCABULARY - 4)


def tiny_catalogue(catalogue: Catalogue, rules: int = 4) -> Catalogue:
    """Return the first ``rules`` of the manual that apply to every conversation."""
    everywhere = [each for each in catalogue.rules if len(each.stages) == 3 and len(each.channels) == 2]
    return replace(catalogue, rules=tuple(everywhere[:rules]))


def tiny_encoder(seed: int = 0) -> nn.Module:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=512,
        pad_token_id=SPECIAL.padding,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertModel(config).eval()  # type: ignore[no-untyped-call, no-any-return]


def tiny_network(catalogue: Catalogue, seed: int = 0) -> Network:
    encoder = tiny_encoder()
    texts = text_vectors(encoder, catalogue.rules, Letters())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(encoder, texts).eval()


def eight_examples(catalogue: Catalogue) -> list[Example]:
    """Four drafts that break one rule each, and four that break none."""
    found = []
    for number, rule in enumerate(catalogue.rules[:4]):
        word = "甲乙丙丁"[number] * 3
        bad = {"rule": rule.id, "quote": word, "reason": ""}
        found.append(make_example(f"b{number}", f"您好，{word}，请稍等。", bad, rewrite="您好，请您稍等。"))
        found.append(make_example(f"g{number}", f"您好，马上为您办理{number}。"))
    return found


def make_example(name: str, draft: str, *violations: dict[str, str], **more: object) -> Example:
    labels = [LabelledViolation.model_validate(each) for each in violations]
    plain: dict[str, object] = {
        "id": name,
        "channel": "online",
        "stage": "middle",
        "customer": "我的快递呢？",
        "draft": draft,
        "verdict": "revise" if labels else "pass",
        "violations": labels,
    }
    return Example.model_validate({**plain, **more})


def eight_samples(catalogue: Catalogue) -> TrainingSet:
    examples = eight_examples(catalogue)
    pointed = pointed_shares(examples, catalogue, {})
    return replace(training_set(examples, catalogue, Letters(), pointed), manual=())
