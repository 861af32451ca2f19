"""From labelled examples to tokens, through the code that a rewrite goes through when reviewing.

Labelled rewrites promise times and sums that neither draft nor conversation hold (十分钟内): the writer of
a label knows them, an agent's draft does not. Learned so, a model makes them up, and what it makes up is
never verified. So a promised time stands as a placeholder in what is learned, and what cannot is left out.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from reviewer.asking import asked_of
from reviewer.engine.chat import ChatFormat, Tokenizer
from reviewer.errors import InputError
from reviewer.evaluation.examples import Example
from reviewer.manual.catalogue import Catalogue
from reviewer.prompting import PromptBook
from reviewer.rewriting import WordingBook
from reviewer.rewriting.facts import compare_facts
from reviewer.rewriting.offers import known_to_agent
from reviewer.training.data import conversation_for
from reviewer.training.rewriter.recipe import RewriterRecipe
from reviewer.types import SEVERITY_ORDER, Conversation

# A longer one would take the memory and the time of ten.
MAX_TOKENS = 1024
_END = "<|im_end|>"
# What stands for a fact that only the agent knows, by its kind; of other kinds nothing is learned, nor of a
# time that is no time limit.
_TIME = "[具体时间]"
_BLANKS = {**dict.fromkeys(("duration", "time", "day", "date"), _TIME), "work_number": "[工号]"}
_LIMIT = re.compile(
    rf"{re.escape(_TIME)}|(?:[之以]?[内前]|左右)?(?![部往弦台])(?![^，。！？\n]{{0,4}}(?:刚|已))[^，。！？\n]{{0,10}}?"
    "(?:给您|回[复您电话]|告|答|联系|核|反馈|转|办|查|通知|确认|安排|发|寄|处理|落实|跟进)"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """The tokens of a prompt and of the reply that is right; ``ids[reply:]`` is the reply and its end."""

    ids: tuple[int, ...]
    reply: int

    @property
    def n_reply(self) -> int:
        """How many tokens are to be predicted."""
        return len(self.ids) - self.reply


class SampleMaker:
    """Makes samples for one model, one manual and one set of prompts."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        chat: ChatFormat,
        prompts: PromptBook,
        catalogue: Catalogue,
        wordings: WordingBook,
    ) -> None:
        """Keep the parts.

        Args:
            tokenizer: That of the language model.
            chat: How its turns are marked.
            prompts: Those of ``load_rewriter_prompts``.
            catalogue: The rules.
            wordings: What the manual would say instead.

        Raises:
            InputError: the model knows no token that ends a turn.
        """
        end = tokenizer.tokenize(_END, special=True)
        if len(end) != 1:
            raise InputError("这个模型的词表没有对话控制符（ChatML），不能训练改写；请换一个 model。")
        self._tokenizer, self._chat, self._prompts = tokenizer, chat, prompts
        self._catalogue, self._wordings = catalogue, wordings
        self._end = end
        # An engine keeps these tokens without the adapter, so they are learned without it.
        self.prefix = tuple(chat.prefix(tokenizer, prompts.system(())))

    def rewrite(self, example: Example) -> Sample | None:
        """Return the labelled rewrite as the answer to the draft and the rules it breaks.

        None when it holds a fact that nobody told the agent and no placeholder stands for.

        Raises:
            InputError: the reviewer would refuse the draft.
        """
        rules = sorted(example.gold)
        conversation = conversation_for(example)
        known = known_to_agent(conversation, map(self._catalogue.rule, rules))
        reply = without_made_up(example.rewrite, conversation.draft, known=known)
        return None if reply is None else self._sample(conversation, rules, reply)

    def identity(self, example: Example) -> Sample:
        """Return a compliant draft as its own answer, said to break what it only resembles breaking.

        Raises:
            InputError: the reviewer would refuse the draft.
        """
        known = {rule.id for rule in self._catalogue.rules}
        return self._sample(
            conversation_for(example), [rule for rule in example.near_miss if rule in known], example.draft
        )

    def _sample(self, conversation: Conversation, rules: Sequence[str], reply: str) -> Sample:
        violated = sorted(map(self._catalogue.rule, rules), key=lambda rule: SEVERITY_ORDER[rule.severity])
        violations = asked_of(violated, conversation, self._wordings)
        user = self._prompts.prompt(conversation, (), ()).user
        tail = self._chat.tail(self._tokenizer, self._prompts.rewrite(violations))
        prompt = (*self.prefix, *self._tokenizer.tokenize(user), *tail)
        answer = reply.replace("\r\n", "\n").replace("\r", "\n").strip()
        return Sample((*prompt, *self._tokenizer.tokenize(answer), *self._end), len(prompt))


def without_made_up(reply: str, draft: str, *, known: str) -> str | None:
    """Return ``reply`` with a placeholder for every fact that neither ``draft`` nor ``known`` supports.

    None when there is a fact for which none stands. What follows each other (明天 下午三点) is one.
    """
    while made_up := compare_facts(draft, reply, known=known).invented:
        for fact in sorted(made_up, key=lambda each: each.span.start, reverse=True):
            blank, after = _BLANKS.get(fact.kind), reply[fact.span.end :]
            if blank is None or (blank == _TIME and not _LIMIT.match(after)):
                return None
            reply = reply[: fact.span.start] + blank + after.removeprefix(blank)
    return reply


@dataclass(frozen=True, slots=True)
class RewriterSet:
    """What is learned from, what is measured with, and how many samples could be used for neither."""

    train: tuple[Sample, ...]
    held_out: tuple[Sample, ...] = ()
    n_dropped: int = 0


def rewriter_set(
    examples: Sequence[Example], held_out: Sequence[Example], maker: SampleMaker, recipe: RewriterRecipe
) -> RewriterSet:
    """Return the rewrites of ``examples`` and a share of its compliant drafts; of ``held_out``, the rewrites.

    Raises:
        InputError: there is no rewrite to learn from, or the reviewer would refuse a draft.
    """
    draw = random.Random(f"{recipe.seed}/samples")
    broken = _with_rewrite(examples)
    if recipe.limit and recipe.limit < len(broken):
        broken = draw.sample(broken, recipe.limit)
    compliant = [example for example in examples if example.verdict == "pass"]
    count = min(len(compliant), int(len(broken) * recipe.identity_share))
    train = [
        *map(maker.rewrite, broken),
        *map(maker.identity, draw.sample(compliant, count)),
    ]
    measured = [*map(maker.rewrite, _with_rewrite(held_out))]
    kept = [
        tuple(sample for sample in part if sample and len(sample.ids) <= MAX_TOKENS)
        for part in (train, measured)
    ]
    if not kept[0]:
        raise InputError(
            "训练数据里没有可用的改写（rewrite 为空、过长或含来历不明的事实）；请换一份 --data。"
        )
    return RewriterSet(kept[0], kept[1], len(train) + len(measured) - len(kept[0]) - len(kept[1]))


def _with_rewrite(examples: Sequence[Example]) -> list[Example]:
    return [example for example in examples if example.rewrite and example.gold]
