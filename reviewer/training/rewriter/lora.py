"""Low-rank adapters beside the matrices of the upper layers. Source: Hu et al. 2021, "LoRA"."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reviewer.training.int8 import FrozenLinear
from reviewer.training.rewriter.base import ADAPTED
from reviewer.training.rewriter.recipe import RewriterRecipe


class Adapted(nn.Module):
    """A frozen matrix and what is learned beside it: ``base(x) + scale * up(down(x))``.

    The first ``skip`` tokens of a text go without: an engine keeps the state of the system turn for all
    adapters and computes it with none.
    """

    def __init__(
        self, base: nn.Linear | FrozenLinear, recipe: RewriterRecipe, skip: int, draw: torch.Generator
    ) -> None:
        super().__init__()
        self._base, self._skip, self._scale = base, skip, recipe.alpha / recipe.rank
        shape = (recipe.rank, base.in_features)
        self.down = nn.Parameter(torch.randn(shape, generator=draw) / math.sqrt(base.in_features))
        self.up = nn.Parameter(torch.zeros(base.out_features, recipe.rank))

    def forward(self, states: Tensor) -> Tensor:
        """Return [samples, tokens, out] for ``states`` [samples, tokens, in]."""
        learned = nn.functional.linear(nn.functional.linear(states[:, self._skip :], self.down), self.up)
        frozen: Tensor = self._base(states)
        return frozen + nn.functional.pad(learned * self._scale, (0, 0, self._skip, 0))


class UpperHalf(nn.Module):
    """The layers that learn, and the output; ``adapted`` by the name of the matrix in GGUF."""

    def __init__(
        self, layers: nn.Module, output: Tensor, first: int, recipe: RewriterRecipe, skip: int
    ) -> None:
        """Put fresh adapters, which change nothing yet, into ``layers``.

        Args:
            layers: What ``BaseModel.upper`` returns.
            output: The output matrix.
            first: The number of the lowest of ``layers`` in the whole model.
            recipe: Rank, scale and seed.
            skip: How many tokens of every text stand in the prefix.
        """
        super().__init__()
        draw = torch.Generator().manual_seed(recipe.seed)
        self.adapted: dict[str, Adapted] = {}
        for number, layer in enumerate(layers.get_submodule("layers").children()):
            for part, name in ADAPTED.items():
                base = layer.get_submodule(part)
                assert isinstance(base, nn.Linear | FrozenLinear)
                adapted = Adapted(base, recipe, skip, draw)
                layer.set_submodule(part, adapted)
                self.adapted[f"blk.{first + number}.{name}.weight"] = adapted
        self._layers, self._output = layers, output

    def learned(self) -> dict[str, nn.Parameter]:
        """Return what is trained, by the names of the tensors in the exported file."""
        return {
            f"{name}.{part}": parameter
            for name, each in self.adapted.items()
            for part, parameter in (("lora_a", each.down), ("lora_b", each.up))
        }

    def forward(self, states: Tensor, wanted: Sequence[tuple[int, int]]) -> Tensor:
        """Return the logits [sum of the widths of ``wanted``, vocabulary].

        Args:
            states: What the lower half makes of the texts [samples, tokens, width]; padding stands at
                the end, where no token looks.
            wanted: For each sample, the half-open range of tokens whose successors are asked for.
        """
        last: Tensor = self._layers(inputs_embeds=states).last_hidden_state
        rows = torch.cat([last[row, start:end] for row, (start, end) in enumerate(wanted)])
        return rows @ self._output.T
