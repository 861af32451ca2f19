"""What the frozen lower half makes of every sample, computed once and kept on disk.

Half precision, one row a token. A killed computation goes on behind the last sample that was recorded;
each sample is computed alone, so that it does not matter where.
"""

import json
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from reviewer.errors import InputError
from reviewer.files import atomic_path
from reviewer.models.assembly import require_space
from reviewer.training.rewriter.samples import Sample

STATES, DONE = "states.f16", "states.json"
_RECORD_SECONDS = 30.0
_BYTES = 2


class Activations:
    """The states of samples, in a folder that belongs to one training."""

    def __init__(self, folder: Path, samples: Sequence[Sample], width: int) -> None:
        """Open the file in ``folder``, or make one.

        Raises:
            StorageError: there is no room for it.
        """
        self._samples = samples
        self._ends = [0, *accumulate(len(sample.ids) for sample in samples)]
        self._record = folder / DONE
        path = folder / STATES
        size = self._ends[-1] * width * _BYTES
        self._done = self._read_done() if path.is_file() and path.stat().st_size == size else 0
        if not self._done:
            require_space(folder, size)
        self._states = np.memmap(
            path, dtype=np.float16, mode="r+" if self._done else "w+", shape=(self._ends[-1], width)
        )

    @property
    def n_missing(self) -> int:
        """How many samples are still to be computed."""
        return len(self._samples) - self._done

    @torch.no_grad()
    def compute(self, lower: nn.Module, on_sample: Callable[[int, int], None]) -> None:
        """Compute what is missing; ``on_sample`` is told of samples done and in all.

        Raises:
            InputError: a state is not a number, or too large for half precision.
            StorageError: progress cannot be recorded.
        """
        recorded = time.monotonic()
        while self.n_missing:
            sample = self._samples[self._done]
            states = lower(input_ids=torch.tensor([sample.ids])).last_hidden_state[0].half()
            if not torch.isfinite(states).all():
                raise InputError("底层的激活值超出半精度的范围，这个模型不能这样训练；请换一个 model。")
            self._states[self._ends[self._done] : self._ends[self._done + 1]] = states.numpy()
            self._done += 1
            on_sample(self._done, len(self._samples))
            if time.monotonic() - recorded >= _RECORD_SECONDS or not self.n_missing:
                self._write_done()
                recorded = time.monotonic()

    def batch(self, numbers: Sequence[int]) -> Tensor:
        """Return the states [samples, tokens, width] of the samples ``numbers``, zeros behind short ones."""
        rows = [
            torch.from_numpy(self._states[self._ends[number] : self._ends[number + 1]].astype(np.float32))
            for number in numbers
        ]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True)

    def _write_done(self) -> None:
        self._states.flush()
        with atomic_path(self._record) as temporary:
            temporary.write_text(json.dumps({"done": self._done}), encoding="utf-8")

    def _read_done(self) -> int:
        try:
            return min(int(json.loads(self._record.read_text(encoding="utf-8"))["done"]), len(self._samples))
        except (OSError, ValueError, KeyError, TypeError):
            return 0
