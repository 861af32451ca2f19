import pytest
import torch
from torch import nn

from reviewer.training.int8 import FrozenLinear, freeze_linears, integers_serve

needs_integers = pytest.mark.skipif(not integers_serve(), reason="no instructions for 8-bit products")


def _linear(seed: int = 0, *, bias: bool = True) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(48, 80, bias=bias)


def _frozen(linear: nn.Linear) -> FrozenLinear:
    return FrozenLinear(linear.weight.detach(), None if linear.bias is None else linear.bias.detach())


def _close(rounded: torch.Tensor, exact: torch.Tensor) -> bool:
    return float((rounded - exact).detach().norm() / exact.detach().norm()) < 0.02


@needs_integers
def test_it_maps_as_the_linear_it_was_made_of() -> None:
    linear, states = _linear(), torch.randn(3, 7, 48)

    assert _close(_frozen(linear)(states), linear(states))


@needs_integers
def test_the_gradient_of_its_input_is_that_of_the_linear() -> None:
    linear = _linear(bias=False)
    exact = torch.randn(5, 48, requires_grad=True)
    rounded = exact.detach().clone().requires_grad_()
    pull = torch.randn(5, 80)

    (linear(exact) * pull).sum().backward()
    (_frozen(linear)(rounded) * pull).sum().backward()

    assert exact.grad is not None
    assert rounded.grad is not None
    assert _close(rounded.grad, exact.grad)


@needs_integers
def test_one_large_token_does_not_blur_the_others() -> None:
    linear, states = _linear(bias=False), torch.randn(4, 48)
    states[0] *= 10_000

    assert _close(_frozen(linear)(states)[1:], linear(states)[1:])


def test_tokens_and_rows_of_zeros_stay_zero() -> None:
    linear = _linear(bias=False)
    nn.init.zeros_(linear.weight[3:4])

    mapped = _frozen(linear)(torch.cat([torch.zeros(1, 48), torch.ones(1, 48)]))

    assert not mapped[0].any()
    assert mapped[1, 3] == 0
    assert torch.isfinite(mapped).all()


def test_nothing_of_it_is_trained() -> None:
    model = nn.Sequential(_linear(), nn.Sequential(nn.Linear(80, 4)))

    freeze_linears(model)

    assert not list(model.parameters())
    assert model(torch.randn(2, 48)).shape == (2, 4)


@needs_integers
def test_small_gradients_pass_as_well_as_large_ones() -> None:
    linear, states = _linear(bias=False), torch.randn(5, 48, requires_grad=True)
    pull = torch.randn(5, 80) * 1e-12

    (_frozen(linear)(states) * pull).sum().backward()

    assert states.grad is not None
    assert _close(states.grad * 1e12, (pull * 1e12) @ linear.weight)


def test_where_nothing_learns_below_nothing_is_kept_for_a_gradient() -> None:
    frozen = FrozenLinear(_linear(bias=False).weight.detach(), learns_below=False)

    assert not frozen(torch.randn(2, 48, requires_grad=True)).requires_grad


def test_a_machine_whose_sums_overflow_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = torch._int_mm

    monkeypatch.setattr(torch, "_int_mm", lambda left, right: exact(left, right).clamp(max=2**15))

    assert not integers_serve()
