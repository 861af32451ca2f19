"""``reviewer train grader``: from labelled files to a classifier folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from reviewer.classifier.files import Card, read_card
from reviewer.files import locked
from reviewer.manual.catalogue import Catalogue
from reviewer.models.catalog import fetch_model
from reviewer.models.encoder import encoder_files
from reviewer.models.registry import ModelEntry, load_registry
from reviewer.models.unigram import UnigramTokenizer
from reviewer.progress import Progress
from reviewer.resources import content_hash
from reviewer.training.course import Machine, reporting
from reviewer.training.data import Labelled
from reviewer.training.export import FROM_SCRATCH, Provenance, export
from reviewer.training.figures import measure
from reviewer.training.folder import CHECKPOINT, claim, is_finished
from reviewer.training.loop import train
from reviewer.training.network import Network, load_encoder, special_tokens, text_vectors
from reviewer.training.recipe import Recipe
from reviewer.training.samples import SampleMaker, pointed_shares, training_set
from reviewer.training.start import Start, continue_from, load_start


@dataclass(frozen=True, slots=True)
class Task:
    """What to train: on which labels of which manual, how, from which classifier (None: from scratch)."""

    data: Labelled
    held_out: Labelled
    catalogue: Catalogue
    recipe: Recipe
    start: Path | None


def train_grader(task: Task, out: Path, home: Path, *, n_threads: int, progress: Progress) -> Card:
    """Train, measure on the held-out examples, and write the classifier into ``out``.

    Takes hours for thousands of examples on two cores. Killed, it goes on with the same ``out``;
    finished, it returns the card at once.

    Raises:
        InputError: ``out`` is of another training, or a label cannot be used.
        ModelError: the encoder or the start is missing or damaged.
        StorageError: something cannot be written, or another process trains in ``out``.
    """
    entry = next(each for each in load_registry() if each.kind == "encoder")
    start = load_start(task.start, entry.sha256) if task.start else None
    with locked(out, "训练"):
        claim(out, _identity(task, entry, start))
        if is_finished(out):
            return read_card(out)
        card = _train(task, entry, start, out, home, n_threads=n_threads, progress=progress)
        (out / CHECKPOINT).unlink(missing_ok=True)
        return card


def _train(
    task: Task,
    entry: ModelEntry,
    start: Start | None,
    out: Path,
    home: Path,
    *,
    n_threads: int,
    progress: Progress,
) -> Card:
    rules, recipe = task.catalogue.rules, task.recipe
    encoder = load_encoder(fetch_model(entry, home, notify=progress.note))
    tokenizer = UnigramTokenizer(encoder_files(entry, home).vocabulary)
    progress.note("准备样本…")
    pointed = pointed_shares(task.data.examples, task.catalogue, start.pointed() if start else {})
    samples = training_set(task.data.examples, task.catalogue, tokenizer, pointed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = Network(encoder, text_vectors(encoder, rules, tokenizer))
    if start is not None:
        continue_from(network, start, rules)
    special = special_tokens(encoder, tokenizer)
    machine, listener = Machine(n_threads=n_threads), reporting(progress, recipe.epochs)
    train(network, samples, rules, recipe, special, out, machine=machine, listener=listener)
    maker = SampleMaker(task.catalogue, tokenizer)
    held_out = [maker.labelled(example) for example in task.held_out.examples]
    provenance = Provenance(
        base=entry.sha256,
        licence=entry.licence,
        data=task.data.files,
        recipe=recipe,
        manual=task.catalogue.content_hash,
        start=start.identity if start else FROM_SCRATCH,
        start_data=start.data if start else "",
        held_out=task.held_out.files,
        figures=measure(network, held_out, special.padding),
    )
    return export(network, rules, pointed, provenance, out)


def _identity(task: Task, entry: ModelEntry, start: Start | None) -> dict[str, str]:
    """Return what two trainings must share to be one; the files' names do not matter, their order does."""
    hashes = "\n".join(file.sha256 for file in task.data.files)
    return {
        "recipe": json.dumps(asdict(task.recipe), sort_keys=True),
        "data": content_hash(hashes.encode()),
        "encoder": entry.sha256,
        "start": start.identity if start else FROM_SCRATCH,
        "manual": task.catalogue.content_hash,
    }
