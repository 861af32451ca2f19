"""Tokens a second of our engine against the raw library loop, interleaved in one run.

python eval/bench/rates.py [--rounds 3]
"""

import statistics
import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import llama_cpp
import typer

from reviewer.cores import usable_cores
from reviewer.deadline import Deadline
from reviewer.engine.llama import LlamaEngine
from reviewer.engine.protocol import Prompt, Tail
from reviewer.engines import open_engine
from reviewer.models.resolve import resolve_model
from reviewer.settings import load_settings

PREFILL, DECODE = 512, 64
ANSWER_OPEN = 5  # ChatML control tokens between the user's text and the answer, decoded as well
TEXT = "您好，请稍等，我帮您核实一下订单的情况，核实清楚以后马上给您答复。"


class Rates(NamedTuple):
    """Tokens a second."""

    prefill: float
    decode: float


class Raw:
    """The shortest loop over the C interface: one sequence, one batch, greedy."""

    def __init__(self, path: Path) -> None:
        """Load the model with the library's defaults but for sizes and threads."""
        self._model = llama_cpp.llama_model_load_from_file(
            str(path).encode(), llama_cpp.llama_model_default_params()
        )
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch = 8192, 2048
        params.n_threads = params.n_threads_batch = usable_cores()
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)

    def rates(self, seed: str) -> Rates:
        """Prefill ``PREFILL`` tokens and decode ``DECODE``."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)
        data = (seed + TEXT * 40).encode()
        tokens = (llama_cpp.llama_token * (len(data) + 8))()
        llama_cpp.llama_tokenize(self._vocab, data, len(data), tokens, len(tokens), False, False)
        begun = time.perf_counter()
        self._decode(llama_cpp.llama_batch_get_one(tokens, PREFILL))
        prefill = PREFILL / (time.perf_counter() - begun)
        begun = time.perf_counter()
        one = (llama_cpp.llama_token * 1)(tokens[PREFILL])
        for _ in range(DECODE):
            self._decode(llama_cpp.llama_batch_get_one(one, 1))
        return Rates(prefill, DECODE / (time.perf_counter() - begun))

    def _decode(self, batch: Any) -> None:  # noqa: ANN401
        assert llama_cpp.llama_decode(self._context, batch) == 0
        llama_cpp.llama_synchronize(self._context)


def our_rates(engine: LlamaEngine, seed: str) -> Rates:
    """The same through the public interface: a user's turn of that size, then a generation."""
    text = seed + TEXT * 40
    while engine.count_tokens(text) + ANSWER_OPEN > PREFILL:
        text = text[:-1]
    prompt = Prompt("不停地写下去。", text)
    engine.warm(prompt.system)
    size = engine.count_tokens(text) + ANSWER_OPEN
    begun = time.perf_counter()
    engine.score(prompt, [Tail("")], ["是", "否"], deadline=Deadline())
    prefill = size / (time.perf_counter() - begun)
    _generating(engine, prompt, 1)  # the tail is resident from here on
    return Rates(prefill, DECODE / (_generating(engine, prompt, DECODE + 1) - _generating(engine, prompt, 1)))


def _generating(engine: LlamaEngine, prompt: Prompt, max_tokens: int) -> float:
    """Return the seconds that ``max_tokens`` generated tokens take, the tail's prefill included."""
    begun = time.perf_counter()
    (result,) = engine.generate(
        prompt,
        [Tail("请一直写下去，不要停：", "好的，" * 12)],
        max_tokens=max_tokens,
        stop=[],
        deadline=Deadline(),
    )
    assert result.ended == "length", "the model stopped early: the rate would be wrong"
    return time.perf_counter() - begun


def main(rounds: Annotated[int, typer.Option(help="Rounds of each side.")] = 3) -> None:
    """Print the medians and their ratio."""
    settings = load_settings({}, cwd=Path.cwd()).settings
    pairs = []
    with open_engine(settings) as engine:
        engine.warm("")  # loads the library for both sides, with its log silenced
        raw = Raw(resolve_model(settings.model, settings.home).path)
        for number in range(rounds):
            pairs.append((raw.rates(f"第{number}轮"), our_rates(engine, f"第{number}回")))
    for name in ("prefill", "decode"):
        left = statistics.median(getattr(pair[0], name) for pair in pairs)
        right = statistics.median(getattr(pair[1], name) for pair in pairs)
        print(f"{name:8} raw {left:6.1f} tok/s   ours {right:6.1f} tok/s   ratio {right / left:.2f}")


if __name__ == "__main__":
    typer.run(main)
