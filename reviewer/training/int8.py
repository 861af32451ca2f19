"""Frozen matrices in 8 bits: a training that changes only what stands beside them multiplies them so.

Processors multiply 8-bit integers several times faster than floats. The weights are rounded once, a
scale for each row; what is multiplied with them is rounded at every step, a scale for each token, and so
is what comes back from above. That must not have one entry that dwarfs all others, as the gradient of a
softmax has: they would be zero.

Source: the row-wise part of LLM.int8 (Dettmers et al. 2022); the backward pass is rounded likewise.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

_LARGEST = 127.0
_SMALLEST_SCALE = 1e-30
_PROBE = 64


def integers_serve() -> bool:
    """Whether this machine multiplies 8-bit integers rightly and fast.

    Without instructions made for it (VNNI), oneDNN adds in 16 bits and overflows in silence; without
    oneDNN the product is right and many times slower than that of floats.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    largest = torch.full((_PROBE, _PROBE), int(_LARGEST), dtype=torch.int8)
    product = torch._int_mm(largest, largest)
    return bool((product == _PROBE * int(_LARGEST) ** 2).all())


class FrozenLinear(nn.Module):
    """A linear map that is not trained; gradients pass through it to its input."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, learns_below: bool = True) -> None:
        """Round ``weight`` [out, in], which takes a fourth of its memory, and as much for the way down.

        No gradient passes unless something ``learns_below``.
        """
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self._up, self._down = _Rounded(weight), _Rounded(weight.T) if learns_below else None
        self._bias = bias

    def forward(self, states: Tensor) -> Tensor:
        """Return [..., out] for ``states`` [..., in]."""
        if self._down is None:
            mapped = _over_rows(self._up, states.detach())
        else:
            mapped = _Through.apply(states, self._up, self._down)  # type: ignore[no-untyped-call]
        return mapped if self._bias is None else mapped + self._bias


def freeze_linears(module: nn.Module, *, learns_below: bool = True) -> None:
    """Put a ``FrozenLinear`` in the place of every ``nn.Linear`` in ``module``."""
    for name, part in list(module.named_modules()):
        if isinstance(part, nn.Linear):
            bias = None if part.bias is None else part.bias.detach()
            module.set_submodule(name, FrozenLinear(part.weight.detach(), bias, learns_below=learns_below))


class _Rounded:
    """A matrix [out, in] as integers [in, out] and a scale for each of its rows."""

    def __init__(self, weight: Tensor) -> None:
        scale = weight.abs().amax(1).clamp(min=_SMALLEST_SCALE) / _LARGEST
        self._numbers = torch.round(weight / scale[:, None]).to(torch.int8).T.contiguous()
        self._scale = scale

    def times(self, rows: Tensor) -> Tensor:
        """Return ``rows @ weight.T``, rounded."""
        low, high = rows.aminmax(dim=1, keepdim=True)
        scale = torch.maximum(-low, high).clamp_(min=_SMALLEST_SCALE).div_(_LARGEST)
        product = torch._int_mm((rows / scale).round_().to(torch.int8), self._numbers)
        return (product * scale).mul_(self._scale)


class _Through(torch.autograd.Function):
    """``forward.times`` on the way up, ``backward.times`` on the way down."""

    @staticmethod
    def forward(ctx: FunctionCtx, states: Tensor, forward: _Rounded, backward: _Rounded) -> Tensor:
        ctx.down = backward  # type: ignore[attr-defined]
        return _over_rows(forward, states)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None]:
        down: _Rounded = ctx.down  # type: ignore[attr-defined]
        return _over_rows(down, gradient), None, None


def _over_rows(matrix: _Rounded, states: Tensor) -> Tensor:
    return matrix.times(states.reshape(-1, states.shape[-1])).view(*states.shape[:-1], -1)
