"""The real llama.cpp on a tiny random model: forks, prefix, deadline, adapter, streaming."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from reviewer.deadline import Deadline
from reviewer.engine.llama import LlamaConfig, LlamaEngine, _groups
from reviewer.engine.protocol import Prompt, Tail
from reviewer.errors import EngineClosedError, EngineError, ModelCorruptError
from tests.engine.tiny import write_adapter, write_model

PROMPT = Prompt("规则：请用您。", "草稿：你等一下。")
TAILS = [Tail(text) for text in ("是否无礼？", "A01", "要转人工吗", "xyz", "时限？", "您好", "\n理由：")]
# Half-precision attention sums in another order when forks share a batch.
TOLERANCE = 0.02
CHOICES = ["y", "n"]
NEVER = Deadline()


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture
def engine(model: Path) -> Iterator[LlamaEngine]:
    with LlamaEngine(LlamaConfig(model, "m", n_ctx=2048, n_threads=1)) as opened:
        yield opened


def close_to(left: tuple[float, ...] | None, right: tuple[float, ...] | None) -> bool:
    assert left is not None
    assert right is not None
    return all(math.isclose(a, b, abs_tol=TOLERANCE) for a, b in zip(left, right, strict=True))


def test_forks_in_one_batch_score_as_each_alone(engine: LlamaEngine) -> None:
    together = engine.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    alone = [engine.score(PROMPT, [tail], CHOICES, deadline=NEVER)[0] for tail in TAILS]
    assert all(close_to(a, b) for a, b in zip(together, alone, strict=True))
    first = [row[0] for row in alone if row]
    assert max(first) - min(first) > 10 * TOLERANCE, "different questions, different answers"


def test_more_tails_than_sequences_are_all_answered(engine: LlamaEngine) -> None:
    tails = [Tail(f"第{i}问") for i in range(150)]
    scores = engine.score(PROMPT, tails, CHOICES, deadline=NEVER)
    assert None not in scores
    assert close_to(scores[149], engine.score(PROMPT, tails[149:], CHOICES, deadline=NEVER)[0])


def test_context_is_reused_and_replaced_correctly(engine: LlamaEngine, model: Path) -> None:
    engine.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    other = Prompt(PROMPT.system, "草稿：您好。")
    warm = engine.score(other, TAILS, CHOICES, deadline=NEVER)
    with LlamaEngine(LlamaConfig(model, "m", n_ctx=2048, n_threads=1)) as fresh:
        cold = fresh.score(other, TAILS, CHOICES, deadline=NEVER)
    assert all(close_to(a, b) for a, b in zip(warm, cold, strict=True))


def test_choices_that_share_their_beginning_are_scored_at_the_last_token(engine: LlamaEngine) -> None:
    (row,) = engine.score(PROMPT, TAILS[:1], ["①", "②", "③"], deadline=NEVER)
    assert row is not None
    assert len(row) == 3
    (single,) = engine.score(PROMPT, TAILS[:1], ["②", "③"], deadline=NEVER)
    assert close_to(row[1:], single)


def test_choices_of_different_beginnings_are_refused(engine: LlamaEngine) -> None:
    with pytest.raises(ValueError, match="last token"):
        engine.score(PROMPT, TAILS[:1], ["yes", "no"], deadline=NEVER)


def test_prefix_from_disk_gives_the_same_scores(model: Path, tmp_path: Path) -> None:
    config = LlamaConfig(model, "m", cache=tmp_path, n_ctx=2048, n_threads=1)
    with LlamaEngine(config) as first:
        assert first.warm(PROMPT.system) is False
        cold = first.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    with LlamaEngine(config) as second:
        assert second.warm(PROMPT.system) is True
        warm = second.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    assert all(close_to(a, b) for a, b in zip(cold, warm, strict=True))


def test_corrupt_prefix_file_is_computed_again(model: Path, tmp_path: Path) -> None:
    config = LlamaConfig(model, "m", cache=tmp_path, n_ctx=2048, n_threads=1)
    with LlamaEngine(config) as first:
        cold = first.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    (state,) = tmp_path.glob("*.state")
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 0xFF
    state.write_bytes(data)
    with LlamaEngine(config) as second:
        assert second.warm(PROMPT.system) is False
        again = second.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    assert all(close_to(a, b) for a, b in zip(cold, again, strict=True))


def test_prefix_of_another_model_is_not_used(model: Path, tmp_path: Path) -> None:
    with LlamaEngine(LlamaConfig(model, "m", cache=tmp_path, n_threads=1)) as first:
        first.warm(PROMPT.system)
    with LlamaEngine(LlamaConfig(model, "other", cache=tmp_path, n_threads=1)) as second:
        assert second.warm(PROMPT.system) is False


def test_expired_deadline_answers_nothing_and_leaves_the_engine_usable(engine: LlamaEngine) -> None:
    before = engine.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    assert engine.score(PROMPT, TAILS, CHOICES, deadline=Deadline(0.0)) == (None,) * len(TAILS)
    after = engine.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    assert all(close_to(a, b) for a, b in zip(before, after, strict=True))


def test_adapter_changes_the_logits(model: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "lora.gguf")
    plain = LlamaConfig(model, "m", n_threads=1)
    with LlamaEngine(plain) as engine:
        without = engine.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    with LlamaEngine(LlamaConfig(model, "m", adapter=adapter, adapter_hash="a", n_threads=1)) as engine:
        with_adapter = engine.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    assert not any(close_to(a, b) for a, b in zip(without, with_adapter, strict=True))


def test_adapter_leaves_the_prefix_alone(model: Path, tmp_path: Path) -> None:
    """A prefix saved without an adapter serves an engine with one: the scores are the same."""
    adapter = write_adapter(tmp_path / "lora.gguf")
    config = LlamaConfig(model, "m", adapter=adapter, adapter_hash="a", n_threads=1)
    with LlamaEngine(config) as engine:
        own = engine.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    with LlamaEngine(LlamaConfig(model, "m", cache=tmp_path / "c", n_threads=1)) as engine:
        engine.warm(PROMPT.system)
    cached = LlamaConfig(model, "m", adapter=adapter, adapter_hash="a", cache=tmp_path / "c", n_threads=1)
    with LlamaEngine(cached) as engine:
        assert engine.warm(PROMPT.system) is True
        shared = engine.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    assert all(close_to(a, b) for a, b in zip(own, shared, strict=True))


def test_adapter_of_another_kind_is_refused(model: Path) -> None:
    with pytest.raises(ModelCorruptError, match="适配器"):
        LlamaEngine(LlamaConfig(model, "m", adapter=model, n_threads=1))


def test_generations_in_step_equal_each_alone(engine: LlamaEngine) -> None:
    def run(tails: list[Tail]) -> list[str]:
        return [g.text for g in engine.generate(PROMPT, tails, max_tokens=12, stop=[], deadline=NEVER)]

    assert run(TAILS[:3]) == [run([tail])[0] for tail in TAILS[:3]]


def test_streamed_pieces_join_to_the_result(engine: LlamaEngine) -> None:
    pieces: list[tuple[int, str]] = []
    results = engine.generate(
        PROMPT,
        TAILS[:2],
        max_tokens=20,
        stop=["zz"],
        deadline=NEVER,
        on_text=lambda index, text: pieces.append((index, text)),
    )
    for index, result in enumerate(results):
        assert "".join(text for i, text in pieces if i == index) == result.text


def test_scores_after_a_generation_are_unchanged(engine: LlamaEngine) -> None:
    before = engine.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    engine.generate(PROMPT, TAILS[:2], max_tokens=8, stop=[], deadline=NEVER)
    after = engine.score(PROMPT, TAILS, CHOICES, deadline=NEVER)
    assert all(close_to(a, b) for a, b in zip(before, after, strict=True))


def test_an_error_in_the_listener_reaches_the_caller(engine: LlamaEngine) -> None:
    def fail(_index: int, _text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.generate(PROMPT, TAILS[:1], max_tokens=200, stop=[], deadline=NEVER, on_text=fail)
    assert engine.score(PROMPT, TAILS[:1], CHOICES, deadline=NEVER)[0] is not None


def test_control_tokens_in_user_text_stay_text(engine: LlamaEngine) -> None:
    """One control token would be 1 token; as text of a byte vocabulary it is 10."""
    assert engine.count_tokens("<|im_end|>") == 10


def test_a_prompt_beyond_the_context_is_one_clear_error(engine: LlamaEngine) -> None:
    with pytest.raises(EngineError, match="上下文"):
        engine.score(Prompt("规则", "长" * 3000), TAILS, CHOICES, deadline=NEVER)
    assert engine.score(PROMPT, TAILS[:1], CHOICES, deadline=NEVER)[0] is not None


def test_close_twice_and_use_after_close(model: Path) -> None:
    engine = LlamaEngine(LlamaConfig(model, "m", n_threads=1))
    engine.close()
    engine.close()
    with pytest.raises(EngineClosedError):
        engine.count_tokens("x")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelCorruptError, match=r"bad\.gguf"):
        LlamaEngine(LlamaConfig(path, "m"))


def test_groups_keep_order_and_limits() -> None:
    assert _groups([]) == []
    assert _groups([10, 20]) == [[0, 1]]
    assert _groups([60, 10, 500, 20]) == [[0], [1, 2], [3]]
    assert _groups([600, 600, 1]) == [[0], [1], [2]]
    assert [len(group) for group in _groups([4] * 46)] == [16, 30]
    assert [len(group) for group in _groups([1] * 130)] == [63, 63, 4]


def test_an_overflow_leaves_the_engine_usable(model: Path) -> None:
    with LlamaEngine(LlamaConfig(model, "m", n_ctx=1024, n_threads=1)) as engine:
        with pytest.raises(EngineError, match="上下文"):
            engine.generate(PROMPT, TAILS, max_tokens=500, stop=[], deadline=NEVER)
        long = Prompt(PROMPT.system, "长" * 100)
        assert None not in engine.score(long, TAILS, CHOICES, deadline=NEVER)


def test_a_prefix_beyond_the_context_is_one_clear_error(model: Path) -> None:
    with (
        LlamaEngine(LlamaConfig(model, "m", n_ctx=1024, n_threads=1)) as engine,
        pytest.raises(EngineError, match="上下文"),
    ):
        engine.warm("长" * 1000)


def test_an_expired_deadline_keeps_the_prefix(engine: LlamaEngine) -> None:
    engine.warm(PROMPT.system)
    engine.score(PROMPT, TAILS, CHOICES, deadline=Deadline(0.0))
    assert engine.warm(PROMPT.system) is True


def test_too_many_generations_at_once_are_refused(engine: LlamaEngine) -> None:
    with pytest.raises(ValueError, match="at most 63"):
        engine.generate(PROMPT, TAILS * 10, max_tokens=1, stop=[], deadline=NEVER)
