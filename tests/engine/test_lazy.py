"""The engine that is loaded when it is first asked."""

import pytest

from reviewer.deadline import Deadline
from reviewer.engine.fake import FakeEngine
from reviewer.engine.lazy import LazyEngine
from reviewer.engine.protocol import Prompt, Tail
from reviewer.errors import EngineClosedError, ModelCorruptError

PROMPT, TAILS = Prompt("系统", "请求"), [Tail("问题")]


def test_nothing_is_loaded_until_it_is_asked() -> None:
    inner, loads = FakeEngine(text=lambda *_: "好的。"), []

    def load() -> FakeEngine:
        loads.append(1)
        return inner

    engine = LazyEngine(inner.identity, load)
    assert engine.identity == inner.identity
    assert loads == []
    assert len(engine.score(PROMPT, TAILS, ["是", "否"], deadline=Deadline())) == 1
    (said,) = engine.generate(PROMPT, TAILS, max_tokens=4, stop=[], deadline=Deadline())
    assert said.text == "好的。"
    assert engine.count_tokens("您好") > 0
    assert loads == [1]


def test_closing_before_use_loads_nothing_and_forbids_use() -> None:
    def load() -> FakeEngine:
        pytest.fail("loaded")

    engine = LazyEngine(FakeEngine().identity, load)
    engine.close()
    engine.close()
    with pytest.raises(EngineClosedError):
        engine.count_tokens("您好")


def test_what_prevents_loading_reaches_who_asked_and_may_be_tried_again() -> None:
    answers: list[FakeEngine | ModelCorruptError] = [ModelCorruptError("坏了"), FakeEngine()]

    def load() -> FakeEngine:
        answer = answers.pop(0)
        if isinstance(answer, ModelCorruptError):
            raise answer
        return answer

    engine = LazyEngine(FakeEngine().identity, load)
    with pytest.raises(ModelCorruptError):
        engine.count_tokens("您好")
    assert engine.count_tokens("您好") > 0
