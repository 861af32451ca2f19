"""``reviewer train rewriter``: from labelled files to an adapter folder."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from reviewer.engine.chat import chat_format
from reviewer.engine.library import LoadedModel
from reviewer.errors import InputError
from reviewer.files import locked
from reviewer.manual.catalogue import Catalogue
from reviewer.models.adapter import AdapterCard, read_adapter_card
from reviewer.models.registry import load_registry
from reviewer.models.resolve import ResolvedModel
from reviewer.progress import Progress
from reviewer.prompting import PromptBook
from reviewer.resources import content_hash
from reviewer.rewriting import WordingBook
from reviewer.training.course import threads
from reviewer.training.data import Labelled
from reviewer.training.folder import CHECKPOINT, claim, is_finished
from reviewer.training.int8 import integers_serve
from reviewer.training.rewriter.activations import DONE, STATES, Activations
from reviewer.training.rewriter.base import BaseModel
from reviewer.training.rewriter.export import Provenance, export
from reviewer.training.rewriter.figures import LABELS, measure
from reviewer.training.rewriter.loop import Listener, Machine, train
from reviewer.training.rewriter.loop import Progress as Place
from reviewer.training.rewriter.lora import UpperHalf
from reviewer.training.rewriter.recipe import RewriterRecipe
from reviewer.training.rewriter.samples import MAX_TOKENS, RewriterSet, SampleMaker, rewriter_set

# What may differ between two trainings, by the key of ``training.json``.
PARTS = {
    "recipe": "超参数或种子",
    "data": "训练数据或 --dev",
    "base": "模型（model）",
    "prompts": "提示",
    "manual": "手册",
    "wordings": "批准的说法",
    "making": "程序的版本或处理器",
}
# Raise it when the same data gives other samples, or the same model other states.
_MAKING = 2
# Where no terminal shows a bar, a line says so often how long it will take.
_NOTE_SECONDS = 120.0
# So many held-out rewrites are measured during training, all of them at its end.
_EARLY = 48


@dataclass(frozen=True, slots=True)
class Task:
    """What to train: on which labels of which manual, asked how, which model, by which recipe."""

    data: Labelled
    held_out: Labelled
    catalogue: Catalogue
    wordings: WordingBook
    prompts: PromptBook
    base: ResolvedModel
    recipe: RewriterRecipe


@dataclass(frozen=True, slots=True)
class _Material:
    """The model, the number of its lowest layer that learns, the samples and the length of their prefix."""

    base: BaseModel
    first: int
    samples: RewriterSet
    skip: int


@dataclass
class _Clock:
    """Reports progress, and from the pace of this process how long the rest will take."""

    progress: Progress
    what: str
    _first: int | None = None
    _begun: float = field(default_factory=time.monotonic)
    _said: float = field(default_factory=time.monotonic)

    def __call__(self, done: int, total: int) -> None:
        """Take in that ``done`` of ``total`` are done; the first call is where this process begins."""
        self.progress.bytes_done(self.what, done, total)
        now = time.monotonic()
        if self._first is None:
            self._first, self._begun = done, now
        elif now - self._said >= _NOTE_SECONDS:
            minutes = (now - self._begun) / (done - self._first) * (total - done) / 60
            self.progress.note(f"{self.what} {done}/{total}，约剩 {minutes:.0f} 分钟")
            self._said = now


def train_rewriter(task: Task, out: Path, *, n_threads: int, progress: Progress) -> AdapterCard:
    """Train, measure on the held-out rewrites, and write the adapter into ``out``.

    Takes hours for thousands of examples on two cores. Killed, it goes on with the same ``out``;
    finished, it returns the card at once. Needs some 4 GB of memory and, meanwhile, 0.4 MB of disk for
    each example (0.5B model).

    Raises:
        InputError: ``out`` is of another training, a label or the model cannot be used.
        ModelError: the model is damaged.
        StorageError: something cannot be written, or another process trains in ``out``.
    """
    with locked(out, "训练"):
        # What cannot be trained must not claim the folder; what is finished need not be read again.
        material = None if is_finished(out) else _prepare(task, progress)
        claim(out, _identity(task), PARTS)
        if material is None:
            return read_adapter_card(out)
        card = _train(task, material, out, n_threads=n_threads, progress=progress)
        for name in (CHECKPOINT, STATES, DONE):
            (out / name).unlink(missing_ok=True)
        return card


def _prepare(task: Task, progress: Progress) -> _Material:
    base = BaseModel(task.base.path, rounded=integers_serve())
    first = base.n_layers - task.recipe.layers
    if first < 1:
        raise InputError(f"--layers 要小于模型的层数 {base.n_layers}。")
    progress.note("准备样本…")
    tokenizer = LoadedModel(task.base.path)
    try:
        chat = chat_format(lambda text: tokenizer.tokenize(text, special=True))
        maker = SampleMaker(tokenizer, chat, task.prompts, task.catalogue, task.wordings)
        samples = rewriter_set(task.data.examples, task.held_out.examples, maker, task.recipe)
    finally:
        tokenizer.close()
    if samples.n_dropped:
        progress.note(f"{samples.n_dropped} 条样本超过 {MAX_TOKENS} 个词元，或含来历不明的事实，未使用。")
    return _Material(base, first, samples, len(maker.prefix))


def _train(task: Task, material: _Material, out: Path, *, n_threads: int, progress: Progress) -> AdapterCard:
    base, first, samples = material.base, material.first, material.samples
    every = (*samples.train, *samples.held_out)
    states = Activations(out, every, base.width)
    if states.n_missing:
        progress.note(f"计算下面 {first} 层的激活：{states.n_missing} 条…")
        with threads(n_threads):
            states.compute(base.lower(first), _Clock(progress, "计算激活"))
    model = UpperHalf(*base.upper(first), first, task.recipe, material.skip)
    held_out = range(len(samples.train), len(every))
    few = held_out[:: max(1, len(held_out) // _EARLY)]

    def look(place: Place) -> None:
        figures = measure(model, every, states, few)
        shown = "，".join(f"{LABELS[name]} {value:.3f}" for name, value in figures.items())
        if shown:
            progress.note(f"第 {place.done}/{place.total} 步，--dev 的 {len(few)} 条：{shown}")

    listener = Listener(
        on_step=_Clock(progress, "训练"),
        on_checkpoint=lambda place: progress.note(
            f"第 {place.done}/{place.total} 步已存盘，最近的训练损失 {place.loss:.3f}"
        ),
        on_look=look,
    )
    machine = Machine(n_threads=n_threads)
    train(model, samples.train, states, task.recipe, out, machine=machine, listener=listener)
    with threads(n_threads):
        figures = measure(model, every, states, held_out)
    return export(model, _provenance(task, len(samples.train), figures), out)


def _provenance(task: Task, n_samples: int, figures: dict[str, float]) -> Provenance:
    licences = {entry.sha256: entry.licence for entry in load_registry()}
    return Provenance(
        base=task.base.sha256,
        base_name=task.base.name,
        licence=licences.get(task.base.sha256, "同基座模型"),
        prompts=task.prompts.content_hash,
        manual=task.catalogue.content_hash,
        wordings=task.wordings.content_hash,
        data=task.data.files,
        n_samples=n_samples,
        recipe=task.recipe,
        held_out=task.held_out.files,
        figures=figures,
    )


def _identity(task: Task) -> dict[str, str]:
    """Return what two trainings must share to be one; the files' names do not matter, their order does."""
    hashes = [[file.sha256 for file in part.files] for part in (task.data, task.held_out)]
    return {
        "recipe": json.dumps(asdict(task.recipe), sort_keys=True),
        "data": content_hash(json.dumps(hashes).encode()),
        "base": task.base.sha256,
        "prompts": task.prompts.content_hash,
        "manual": task.catalogue.content_hash,
        "wordings": task.wordings.content_hash,
        "making": f"{_MAKING}, {'int8' if integers_serve() else 'float32'}",
    }
