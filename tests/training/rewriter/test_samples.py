"""What is learned is what reviewing will ask, token by token."""

from dataclasses import replace
from pathlib import Path

import pytest

from reviewer.asking import asked_of
from reviewer.engine.chat import CHATML, PLAIN
from reviewer.engine.library import LoadedModel
from reviewer.errors import InputError
from reviewer.evaluation.examples import Example
from reviewer.manual.catalogue import Catalogue
from reviewer.prompting import PromptBook, load_rewriter_prompts
from reviewer.resources import resource_dir
from reviewer.rewriting import WordingBook, load_wordings
from reviewer.training.data import conversation_for
from reviewer.training.rewriter import samples
from reviewer.training.rewriter.recipe import RewriterRecipe
from reviewer.training.rewriter.samples import Sample, SampleMaker, rewriter_set, without_made_up
from tests.training.tiny import make_example

START, END = 1, 2


class Letters:
    """A token a character, and the two control tokens."""

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        ids = []
        while text:
            control = {"<|im_start|>": START, "<|im_end|>": END}.get(text[: text.find(">") + 1])
            if special and control and text.startswith("<|im_"):
                ids.append(control)
                text = text[text.find(">") + 1 :]
            else:
                ids.append(ord(text[0]) + 10)
                text = text[1:]
        return ids


def text_of(ids: tuple[int, ...]) -> str:
    names = {START: "<|im_start|>", END: "<|im_end|>"}
    return "".join(names.get(token) or chr(token - 10) for token in ids)


def rewritten(maker: SampleMaker, example: Example) -> Sample:
    sample = maker.rewrite(example)
    assert sample is not None
    return sample


@pytest.fixture(scope="module")
def prompts() -> PromptBook:
    return load_rewriter_prompts(resource_dir("prompts"))


@pytest.fixture(scope="module")
def book(catalogue: Catalogue) -> WordingBook:
    return load_wordings(resource_dir("corpus"), catalogue)


@pytest.fixture
def maker(catalogue: Catalogue, prompts: PromptBook, book: WordingBook) -> SampleMaker:
    return SampleMaker(Letters(), CHATML, prompts, catalogue, book)


BROKEN = make_example(
    "b",
    "不清楚，<|im_end|>你自己打！",
    {"rule": "A01", "quote": "你"},
    {"rule": "E03", "quote": ""},
    {"rule": "A02", "quote": "不清楚"},
    rewrite="我为您核实。\r\n请稍等。",
    disputed=["A01"],
)
PASSED = make_example("p", "好的，马上为您查。", near_miss=["C06", "unknown"])


def test_a_rewrite_is_asked_with_the_gravest_rule_first(
    maker: SampleMaker, prompts: PromptBook, catalogue: Catalogue, book: WordingBook
) -> None:
    sample = rewritten(maker, BROKEN)
    text = text_of(sample.ids)
    assert text.startswith(
        f"<|im_start|>system\n{prompts.system(())}<|im_end|>\n<|im_start|>user\n在线，中段\n"
    )
    first, second = catalogue.rule("E03"), catalogue.rule("A02")
    assert first.severity == "red"
    assert text.index(f"违反：{first.title}") < text.index(f"违反：{second.title}")
    assert catalogue.rule("A01").title not in text, "a rule in dispute is no reason to rewrite"
    entry = book.get("A02")
    assert entry is not None
    assert f"{second.require}。参考：{entry.wording(conversation_for(BROKEN), 0)}" in text
    assert text[: -len(text_of(sample.ids[sample.reply :]))].endswith("<|im_end|>\n<|im_start|>assistant\n")
    assert text_of(sample.ids[sample.reply :]) == "我为您核实。\n请稍等。<|im_end|>"
    assert sample.n_reply == len("我为您核实。\n请稍等。") + 1


def test_a_control_token_in_a_draft_stays_text(maker: SampleMaker) -> None:
    sample = rewritten(maker, BROKEN)
    assert sample.ids.count(END) == 3  # system, user, reply
    assert sample.ids[: len(maker.prefix)] == maker.prefix


def test_a_compliant_draft_is_its_own_answer(maker: SampleMaker, catalogue: Catalogue) -> None:
    sample = maker.identity(PASSED)
    assert text_of(sample.ids[sample.reply :]) == f"{PASSED.draft}<|im_end|>"
    assert f"违反：{catalogue.rule('C06').title}" in text_of(sample.ids)
    plain = maker.identity(PASSED.model_copy(update={"near_miss": []}))
    assert "没有违反" in text_of(plain.ids)


def test_a_model_without_control_tokens_is_refused(
    catalogue: Catalogue, prompts: PromptBook, book: WordingBook
) -> None:
    class Bare:
        def tokenize(self, text: str, *, special: bool = False) -> list[int]:
            return [ord(letter) + special for letter in text]

    with pytest.raises(InputError, match="ChatML"):
        SampleMaker(Bare(), PLAIN, prompts, catalogue, book)


def test_the_set_holds_rewrites_and_a_share_of_compliant_drafts(maker: SampleMaker) -> None:
    broken = [BROKEN.model_copy(update={"id": f"b{n}", "draft": f"不清楚{n}。"}) for n in range(10)]
    unlabelled = BROKEN.model_copy(update={"id": "u", "rewrite": ""})
    disputed = BROKEN.model_copy(update={"id": "d", "disputed": ["A01", "A02", "E03"]})
    compliant = [PASSED.model_copy(update={"id": f"p{n}", "draft": f"好的{n}。"}) for n in range(9)]
    examples = [*broken, unlabelled, disputed, *compliant]
    recipe = RewriterRecipe(identity_share=0.2)
    made = rewriter_set(examples, [BROKEN, PASSED], maker, recipe)
    assert (len(made.train), len(made.held_out), made.n_dropped) == (12, 1, 0)
    assert made == rewriter_set(examples, [BROKEN, PASSED], maker, recipe), "always the same draw"
    few = rewriter_set(examples, [], maker, replace(recipe, limit=5))
    assert (len(few.train), len(few.held_out)) == (6, 0)
    assert made.train != rewriter_set(examples, [], maker, replace(recipe, seed=1)).train


def test_what_is_too_long_is_left_out_and_counted(
    maker: SampleMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "MAX_TOKENS", len(rewritten(maker, BROKEN).ids))
    longer = BROKEN.model_copy(update={"id": "l", "draft": BROKEN.draft + "。"})
    made = rewriter_set([BROKEN, longer], [longer], maker, RewriterRecipe())
    assert (len(made.train), len(made.held_out), made.n_dropped) == (1, 0, 2)


def test_no_rewrite_at_all_is_one_clear_error(maker: SampleMaker) -> None:
    with pytest.raises(InputError, match="没有可用的改写"):
        rewriter_set([PASSED], [], maker, RewriterRecipe())


def test_the_tokens_are_those_that_the_engine_decodes(
    model: Path, catalogue: Catalogue, prompts: PromptBook, book: WordingBook
) -> None:
    loaded = LoadedModel(model)
    try:
        maker = SampleMaker(loaded, CHATML, prompts, catalogue, book)
        sample = rewritten(maker, BROKEN)
        talk = conversation_for(BROKEN)
        asked = asked_of([catalogue.rule("E03"), catalogue.rule("A02")], talk, book)
        prompt = prompts.prompt(talk, (), ())
        engine = [
            *CHATML.prefix(loaded, prompt.system),
            *loaded.tokenize(prompt.user),
            *CHATML.tail(loaded, prompts.rewrite(asked)),
        ]
        assert list(sample.ids[: sample.reply]) == engine
        assert loaded.ends_generation(sample.ids[-1])
    finally:
        loaded.close()


@pytest.mark.parametrize(
    ("reply", "learned"),
    [
        ("我现在就查，10分钟内回复您。", "我现在就查，[具体时间]内回复您。"),
        ("今天18点前给您回电，3天内处理。", "[具体时间]前给您回电，[具体时间]内处理。"),
        ("我是工号3067，马上为您查。", "我是工号[工号]，马上为您查。"),
        ("您的86元还在，2小时内到账。", "您的86元还在，2小时内到账。"),
    ],
)
def test_times_that_nobody_told_become_placeholders(reply: str, learned: str) -> None:
    assert without_made_up(reply, "86元已退，您等着。", known="客服：2小时内到账") == learned


@pytest.mark.parametrize(
    "reply",
    [
        "退您99元。",
        "后天15点您来最合适。",
        "雷班长会联系您。",
        "您3天前提交的申请在这里。",
        "保修期2年内免费。",
        "麻烦您录15秒内弦的声音。",
        "2分钟前刚给您发过短信。",
        "3点前不忙。",
    ],
)
def test_a_rewrite_whose_facts_nobody_told_is_not_learned(reply: str) -> None:
    assert without_made_up(reply, "您等着。", known="") is None
