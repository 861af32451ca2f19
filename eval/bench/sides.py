"""The two ways that ``check.py`` compares, on the same tasks."""

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from llama_cpp import Llama
from llama_cpp.llama_cache import LlamaRAMCache
from llama_cpp.llama_grammar import LlamaGrammar

from reviewer.bootstrap import Reviewer
from reviewer.clauses import split_clauses
from reviewer.cores import usable_cores
from reviewer.engine.protocol import Prompt
from reviewer.grading.candidates import resident_rules
from reviewer.manual.catalogue import load_catalogue
from reviewer.models.resolve import resolve_model
from reviewer.pipeline import Listener
from reviewer.prompting import load_prompts
from reviewer.prompting.book import MAX_CLAUSES
from reviewer.request import conversation_of
from reviewer.resources import resource_dir
from reviewer.schema import ReviewRequest
from reviewer.settings import Settings

DEV = Path(__file__).parents[1] / "data" / "dev"
INSTRUCTION = "\n对每条规则判断草稿是否违反，输出 JSON：键是规则编号，值是“是”或“否”。"


class Answer(NamedTuple):
    """The rules that were answered, those of them that are cited, and seconds to the verdict."""

    answered: frozenset[str]
    cited: frozenset[str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Task:
    """One labelled example."""

    request: ReviewRequest
    gold: frozenset[str]


def tasks(count: int) -> list[Task]:
    """Return ``count`` dev examples after a fixed shuffle."""
    paths = sorted(DEV.glob("*.jsonl"))
    rows = [json.loads(line) for path in paths for line in path.open(encoding="utf-8")]
    random.Random(1).shuffle(rows)
    fields = ("draft", "customer", "history", "channel", "stage")
    return [
        Task(
            ReviewRequest(**{name: row[name] for name in fields}),
            frozenset(violation["rule"] for violation in row["violations"]),
        )
        for row in rows[:count]
    ]


def micro_f1(answers: Sequence[Answer], golds: Sequence[frozenset[str]]) -> float:
    """Return the micro F1 of cited rules, 0-1; 0 when nothing is cited and nothing violated."""
    hits = sum(len(answer.cited & gold) for answer, gold in zip(answers, golds, strict=True))
    total = sum(len(answer.cited) + len(gold) for answer, gold in zip(answers, golds, strict=True))
    return 2 * hits / max(1, total)


class Side(Protocol):
    """One way to a verdict."""

    def answer(self, request: ReviewRequest) -> Answer:
        """Answer for every applicable rule."""
        ...


class Naive:
    """One chat completion a draft: all rules in the prompt, JSON forced by a grammar, prefix cached.

    The grammar makes it answer for every applicable rule, as ours does, without a blank: the bindings'
    own JSON schema mode lets this model write white space until the token limit (190 s a draft).
    """

    def __init__(self, settings: Settings) -> None:
        """Load the model as a user of the bindings would."""
        self._catalogue = load_catalogue(resource_dir("corpus"))
        self._prompts = load_prompts(resource_dir("prompts"))
        threads = usable_cores()
        self._llama = Llama(
            str(resolve_model(settings.model, settings.home).path),
            n_ctx=8192,
            n_threads=threads,
            n_threads_batch=threads,
            verbose=False,
        )
        self._llama.set_cache(LlamaRAMCache(capacity_bytes=2 << 30))

    def answer(self, request: ReviewRequest) -> Answer:
        """Ask for all applicable rules at once."""
        begun = time.perf_counter()
        conversation = conversation_of(request)
        rules = self._catalogue.applicable(conversation)
        prompt: Prompt = self._prompts.prompt(
            conversation,
            split_clauses(conversation.draft, limit=MAX_CLAUSES),
            resident_rules(self._catalogue.rules),
        )
        reply: Any = self._llama.create_chat_completion(
            messages=[
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user + INSTRUCTION},
            ],
            grammar=LlamaGrammar.from_string(_grammar([rule.id for rule in rules]), verbose=False),
            temperature=0.0,
            max_tokens=1024,
        )
        given = json.loads(reply["choices"][0]["message"]["content"])
        cited = frozenset(rule for rule, answer in given.items() if answer == "是")
        return Answer(frozenset(given), cited, time.perf_counter() - begun)


def _grammar(ids: Sequence[str]) -> str:
    """Return the GBNF of ``{"A01":"是","A02":"否",...}`` for exactly these ids."""
    pairs = [f'"\\"{rule}\\":\\"" answer "\\""' for rule in ids]
    return 'root ::= "{" ' + ' "," '.join(pairs) + ' "}"\nanswer ::= "是" | "否"\n'


class Ours:
    """The project's own path, timed to the moment the verdict, clauses and reasons are shown."""

    def __init__(self, settings: Settings) -> None:
        """Wire a reviewer."""
        self.reviewer = Reviewer.from_settings(settings)

    def answer(self, request: ReviewRequest) -> Answer:
        """Review without a rewrite."""
        heard: list[float] = []
        begun = time.perf_counter()
        listener = Listener(verdict=lambda _review: heard.append(time.perf_counter() - begun))
        review = self.reviewer.review(request, rewrite=False, listener=listener)
        cited = frozenset(finding.rule.id for finding in review.findings)
        return Answer(frozenset(review.assessed), cited, heard[0])
