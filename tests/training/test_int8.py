import torch
from torch import nn

from reviewer.training.int8 import FrozenLinear, freeze_linears


def _linear(seed: int = 0, *, bias: bool = True) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(48, 80, bias=bias)


def _frozen(linear: nn.Linear) -> FrozenLinear:
    return FrozenLinear(linear.weight.detach(), None if linear.bias is None else linear.bias.detach())


def _close(rounded: torch.Tensor, exact: torch.Tensor) -> bool:
    return float((rounded - exact).detach().norm() / exact.detach().norm()) < 0.02


def test_it_maps_as_the_linear_it_was_made_of() -> None:
    linear, states = _linear(), torch.randn(3, 7, 48)

    assert _close(_frozen(linear)(states), linear(states))


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
