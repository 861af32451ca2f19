"""From labelled examples to tokens, through the code that a rewrite goes through when reviewing."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from reviewer.asking import asked_of
from reviewer.engine.chat import ChatFormat, Tokenizer
from reviewer.errors import InputError
from reviewer.evaluation.examples import Example
from reviewer.manual.catalogue import Catalogue
from reviewer.prompting import PromptBook
from reviewer.rewriting import WordingBook
from reviewer.training.data import conversation_for
from reviewer.training.rewriter.recipe import RewriterRecipe
from reviewer.types import SEVERITY_ORDER

# A longer one would take the memory and the time of ten.
MAX_TOKENS = 1024
_END = "<|im_end|>"


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

    def rewrite(self, example: Example) -> Sample:
        """Return the labelled rewrite as the answer to the draft and the rules it breaks.

        Raises:
            InputError: the reviewer would refuse the draft.
        """
        return self._sample(example, sorted(example.gold), example.rewrite)

    def identity(self, example: Example) -> Sample:
        """Return a compliant draft as its own answer, said to break what it only resembles breaking.

        Raises:
            InputError: the reviewer would refuse the draft.
        """
        known = {rule.id for rule in self._catalogue.rules}
        return self._sample(example, [rule for rule in example.near_miss if rule in known], example.draft)

    def _sample(self, example: Example, rules: Sequence[str], reply: str) -> Sample:
        conversation = conversation_for(example)
        violated = sorted(map(self._catalogue.rule, rules), key=lambda rule: SEVERITY_ORDER[rule.severity])
        violations = asked_of(violated, conversation, self._wordings)
        user = self._prompts.prompt(conversation, (), ()).user
        tail = self._chat.tail(self._tokenizer, self._prompts.rewrite(violations))
        prompt = (*self.prefix, *self._tokenizer.tokenize(user), *tail)
        answer = reply.replace("\r\n", "\n").replace("\r", "\n").strip()
        return Sample((*prompt, *self._tokenizer.tokenize(answer), *self._end), len(prompt))


@dataclass(frozen=True, slots=True)
class RewriterSet:
    """What is learned from, what is measured with, and how many samples were too long for either."""

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
    kept = [tuple(sample for sample in part if len(sample.ids) <= MAX_TOKENS) for part in (train, measured)]
    if not kept[0]:
        raise InputError("训练数据里没有可用的改写（rewrite 为空或过长）；请换一份 --data。")
    return RewriterSet(kept[0], kept[1], len(train) + len(measured) - len(kept[0]) - len(kept[1]))


def _with_rewrite(examples: Sequence[Example]) -> list[Example]:
    return [example for example in examples if example.rewrite and example.gold]
