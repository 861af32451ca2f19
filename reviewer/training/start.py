"""Going on from a classifier that is already trained.

Its head holds queries in which text and delta are folded together. They are taken apart again with
``turn`` as the identity and ``delta`` as what then remains, which is the same function. A rule that
the old head does not know starts from its text, with the median bias; one that the manual no longer
has is dropped. Dropping deltas (``Recipe.delta_keep``) would throw away all that the old queries
had learned for that step, so go on with ``delta_keep`` 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from reviewer.classifier.files import HEAD, LAYERS, identity_of, read_card
from reviewer.classifier.head import Head
from reviewer.errors import ModelCorruptError
from reviewer.models.e5 import gguf_name
from reviewer.models.hashing import file_sha256
from reviewer.training.network import HIDDEN, Network, layer_of
from reviewer.types import Rule


@dataclass(frozen=True, slots=True)
class Start:
    """A trained classifier; ``layers`` are by their names in the GGUF file, in float32.

    ``data`` is what its card says it was trained on.
    """

    identity: str
    data: str
    head: Head
    layers: dict[str, npt.NDArray[np.float32]]

    def pointed(self) -> dict[str, float]:
        """Return ``Head.pointed`` by rule."""
        return dict(zip(self.head.rules.tolist(), self.head.pointed.tolist(), strict=True))


def load_start(folder: Path, base: str) -> Start:
    """Read the classifier in ``folder``.

    Args:
        folder: What a training wrote.
        base: SHA-256 of the encoder that will be trained.

    Raises:
        ModelMissingError: there is none.
        ModelCorruptError: a file is damaged, or it was trained on another encoder.
    """
    import gguf
    from gguf.quants import dequantize

    card = read_card(folder)
    if card.base != base:
        raise ModelCorruptError(
            f"分类器 {folder} 是在另一个编码器（{card.base[:12]}）上训练的，不能接着训练；请用 --from none。"
        )
    for name, expected in ((LAYERS, card.layers), (HEAD, card.head)):
        if not (folder / name).is_file() or file_sha256(folder / name) != expected:
            raise ModelCorruptError(f"分类器文件 {folder / name} 缺失或已损坏（SHA-256 不符）；请重新训练。")
    try:
        tensors = gguf.GGUFReader(folder / LAYERS).tensors
        # The reader's arrays are windows into the file.
        layers = {each.name: np.array(dequantize(each.data, each.tensor_type)) for each in tensors}
    except (OSError, ValueError, IndexError, NotImplementedError) as cause:
        raise ModelCorruptError(f"{folder / LAYERS} 不是可用的 GGUF 文件；请重新训练。") from cause
    return Start(identity_of(card), card.data, Head.load(folder / HEAD), layers)


@torch.no_grad()
def continue_from(network: Network, start: Start, rules: Sequence[Rule]) -> None:
    """Make ``network``, fresh on the base encoder for ``rules``, the function that ``start`` is.

    Raises:
        ModelCorruptError: ``start`` is of another shape.
    """
    try:
        _take_layers(network, start)
        _take_head(network, start.head)
        _take_queries(network, start.head, rules)
    except (KeyError, ValueError, RuntimeError) as cause:
        raise ModelCorruptError("起点分类器的形状与本版不符，不能接着训练；请用 --from none。") from cause


def _take_layers(network: Network, start: Start) -> None:
    own = {
        gguf_name(name.removeprefix("encoder.")): parameter
        for name, parameter in network.named_parameters()
        if layer_of(name) is not None
    }
    if own.keys() != start.layers.keys():
        raise ValueError("other layers")
    for name, parameter in own.items():
        _set(parameter, start.layers[name])


def _take_head(network: Network, head: Head) -> None:
    if head.hidden_bias.shape != (HIDDEN,):
        raise ValueError("another head")
    _set(network.key.weight, head.key_weight)
    _set(network.key.bias, head.key_bias)
    _set(network.value.weight, head.value_weight)
    _set(network.value.bias, head.value_bias)
    _set(network.hidden.weight, head.hidden_weight)
    _set(network.hidden.bias, head.hidden_bias)
    _set(network.out.weight, head.out_weight[None])
    _set(network.out.bias, head.out_bias)
    _set(network.sharpness, head.sharpness)


def _take_queries(network: Network, head: Head, rules: Sequence[Rule]) -> None:
    torch.nn.init.eye_(network.turn.weight)
    network.delta.zero_()
    network.bias.fill_(float(np.median(head.bias)))
    network.bias_delta.zero_()
    old = {str(rule): row for row, rule in enumerate(head.rules)}
    for row, rule in enumerate(rules):
        if rule.id in old:
            network.delta[row] = torch.from_numpy(head.queries[old[rule.id]]) - network.texts[row]
            network.bias_delta[row] = float(head.bias[old[rule.id]]) - network.bias


def _set(parameter: torch.Tensor, values: npt.NDArray[np.float32]) -> None:
    if parameter.shape != values.shape:
        raise ValueError("another shape")
    parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))
