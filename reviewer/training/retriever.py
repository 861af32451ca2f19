"""``reviewer train retriever``: from labelled files to a retriever folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from reviewer.errors import InputError
from reviewer.evaluation.examples import Example
from reviewer.files import atomic_path, locked
from reviewer.index.chunks import chunk_manual
from reviewer.index.encoder import Prompts
from reviewer.manual.catalogue import Catalogue
from reviewer.models.card import write_trained_card
from reviewer.models.catalog import fetch_model
from reviewer.models.e5 import PASSAGE_PROMPT, QUERY_PROMPT
from reviewer.models.encoder import encoder_files
from reviewer.models.hashing import file_sha256
from reviewer.models.registry import ModelEntry, load_registry
from reviewer.models.retriever import RETRIEVER, RetrieverCard, read_retriever
from reviewer.models.tuned import LAYERS, assemble_tuned
from reviewer.models.unigram import UnigramTokenizer
from reviewer.progress import Progress
from reviewer.resources import content_hash
from reviewer.retrieval import LlamaEncoder
from reviewer.training.contrast import Tower, train_tower
from reviewer.training.course import Machine, reporting
from reviewer.training.data import Labelled
from reviewer.training.export import export_layers
from reviewer.training.folder import CHECKPOINT, PARTS, claim, is_finished
from reviewer.training.labels import RECALL_LABELS
from reviewer.training.model_card import encoder_line, listed, write_model_card
from reviewer.training.network import load_encoder
from reviewer.training.pairs import learnable, make_pairs
from reviewer.training.recall import Rankings, rank_examples, recall_figures
from reviewer.training.recipe import RetrieverRecipe

NAME = "rule-retriever"
RANKINGS = "rankings.json"
_PARTS = {name: what for name, what in PARTS.items() if name != "start"}
_USE = (
    "把客户消息和草稿、手册的条款放进同一个向量空间，找出草稿牵涉的规则。用法："
    "设置 `retriever` 写本目录，例如 `reviewer check --retriever 本目录 …`；索引会自动重建。"
)
_LIMITS = (
    "只读中文客服对话；训练用一份手册的条款，别的手册、行业、口吻和渠道没有测过。"
    "召回按词面和向量融合后的排名计算，只数有前提的规则。换了检索器，原来的校准就不再适用。"
)


@dataclass(frozen=True, slots=True)
class RetrieverTask:
    """What to train: on which labels of which manual, how, and what to measure it with."""

    data: Labelled
    held_out: Labelled
    catalogue: Catalogue
    recipe: RetrieverRecipe


def train_retriever(
    task: RetrieverTask, out: Path, home: Path, *, n_threads: int, progress: Progress
) -> RetrieverCard:
    """Train, measure what will be used on the held-out examples, and write the retriever into ``out``.

    Killed, it goes on with the same ``out``; finished, it returns the card at once.

    Raises:
        InputError: ``out`` is of another training, or nothing can be learned from the labels.
        ModelError: the encoder is missing or damaged.
        StorageError: something cannot be written, or another process trains in ``out``.
    """
    learnable(task.data.examples, task.catalogue, task.recipe)
    entry = next(each for each in load_registry() if each.kind == "encoder")
    with locked(out, "训练"):
        claim(out, _identity(task, entry), _PARTS)
        if is_finished(out):
            return read_retriever(out)
        card = _Training(task, entry, out, home, n_threads=n_threads, progress=progress).run()
        for name in (CHECKPOINT, RANKINGS):
            (out / name).unlink(missing_ok=True)
        return card


class _Training:
    """One training and what all its parts need."""

    def __init__(
        self,
        task: RetrieverTask,
        entry: ModelEntry,
        out: Path,
        home: Path,
        *,
        n_threads: int,
        progress: Progress,
    ) -> None:
        self._task, self._entry, self._out, self._home = task, entry, out, home
        self._n_threads, self._progress = n_threads, progress
        self._folder = fetch_model(entry, home, notify=progress.note)
        self._files = encoder_files(entry, home)

    def run(self) -> RetrieverCard:
        """Train, measure and export."""
        tower = Tower(load_encoder(self._folder))
        self._learn(tower)
        layers = self._out / LAYERS
        export_layers(tower, layers)
        del tower
        tuned = assemble_tuned(self._entry, layers, self._home, RETRIEVER, notify=self._progress.note)
        card = self._card(file_sha256(layers), self._figures(tuned))
        origin = (
            encoder_line(card.base, card.licence),
            f"手册：{card.manual}",
            f"没有学过的规则：{'、'.join(card.held_out) or '无'}",
            f"`{LAYERS}`：SHA-256 {card.layers}",
        )
        write_model_card(
            self._out,
            card,
            use=_USE,
            origin=origin,
            data=self._task.data.files,
            held_out=self._task.held_out.files,
            how="量化之后，untrained 为训练之前",
            labels=RECALL_LABELS,
        )
        write_trained_card(self._out, card)
        return card

    def _learn(self, tower: Tower) -> None:
        catalogue, recipe = self._task.catalogue, self._task.recipe
        examples = learnable(self._task.data.examples, catalogue, recipe)
        rankings = self._untrained_rankings(examples)
        passages = chunk_manual(catalogue.sections, catalogue.rules)
        encode = UnigramTokenizer(self._files.vocabulary).encode
        pairs = make_pairs(examples, catalogue, passages, rankings, encode, recipe)
        machine, listener = Machine(n_threads=self._n_threads), reporting(self._progress, recipe.epochs)
        train_tower(tower, pairs, recipe, self._out, machine=machine, listener=listener)

    def _untrained_rankings(self, examples: Sequence[Example]) -> Rankings:
        """Return the rankings that hard negatives come from, kept on disk until the end."""
        path = self._out / RANKINGS
        if path.is_file():
            return _read_rankings(path)
        rankings = self._rank(self._files.gguf, examples, "为训练样本找难例")
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(rankings), encoding="utf-8")
        return rankings

    def _figures(self, tuned: Path) -> dict[str, float]:
        """Return the figures of the tuned encoder, and, for comparison, of the untrained one."""
        examples, catalogue = self._task.held_out.examples, self._task.catalogue
        if not examples:
            return {}
        figures: dict[str, float] = {}
        for prefix, gguf in (("", tuned), ("untrained_", self._files.gguf)):
            rankings = self._rank(gguf, examples, f"测召回{'（训练前）' if prefix else ''}")
            found = recall_figures(rankings, examples, catalogue, self._task.recipe.hold_out)
            figures |= {prefix + name: value for name, value in found.items()}
        return figures

    def _rank(self, gguf: Path, examples: Sequence[Example], what: str) -> Rankings:
        # One thread: torch has brought its OpenMP by now, whose idle threads spin (decision 1).
        encoder = LlamaEncoder(
            gguf,
            self._files.vocabulary,
            identity="training",
            prompts=Prompts(QUERY_PROMPT, PASSAGE_PROMPT),
            n_threads=1,
        )
        try:
            return rank_examples(
                examples,
                self._task.catalogue,
                encoder,
                on_example=lambda done, total: self._progress.bytes_done(what, done, total),
            )
        finally:
            encoder.close()

    def _card(self, layers: str, figures: Mapping[str, float]) -> RetrieverCard:
        task = self._task
        recipe = asdict(task.recipe)
        hold_out = recipe.pop("hold_out")
        return RetrieverCard(
            name=NAME,
            base=self._entry.sha256,
            layers=layers,
            licence=self._entry.licence,
            data=listed(task.data.files),
            recipe={
                **recipe,
                "optimiser": "AdamW",
                "held_out": listed(task.held_out.files) or "none",
                "torch": version("torch"),
                "reviewer": version("reviewer"),
            },
            figures=dict(figures),
            limits=_LIMITS,
            manual=task.catalogue.content_hash,
            held_out=hold_out,
        )


def _identity(task: RetrieverTask, entry: ModelEntry) -> dict[str, str]:
    """Return what two trainings must share to be one; the files' names do not matter, their order does."""
    hashes = "\n".join(file.sha256 for file in task.data.files)
    return {
        "recipe": json.dumps(asdict(task.recipe), sort_keys=True),
        "data": content_hash(hashes.encode()),
        "encoder": entry.sha256,
        "manual": task.catalogue.content_hash,
    }


def _read_rankings(path: Path) -> Rankings:
    try:
        rankings: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise InputError(f"{path} 已损坏；请删除它再运行。") from cause
    return rankings
