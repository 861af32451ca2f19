"""The language model in torch: the weights of its GGUF file, in two halves.

The lower half holds the embeddings and the frozen layers, the upper one the layers that learn, and the
output. They are read apart, because the lower one is needed once only. The matrices of the layers are in
8 bits (``reviewer.training.int8``), the rest is in float32: what comes back to the output has one large entry
a token and thousands of small ones that count together, and in 8 bits all of these would be zero.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from reviewer.errors import InputError, ModelCorruptError
from reviewer.training.int8 import freeze_linears

if TYPE_CHECKING:
    from transformers import Qwen2Config

_ARCHITECTURE = "qwen2"
#: Parts of a layer that learn: by their name in transformers, their name in GGUF.
ADAPTED = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_PARTS = {**ADAPTED, "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


class BaseModel:
    """An opened GGUF file of a Qwen2."""

    def __init__(self, path: Path, *, rounded: bool = True) -> None:
        """Read the header of ``path``; matrices stay in float32, several times slower, unless ``rounded``.

        Raises:
            InputError: it is of another architecture.
            ModelCorruptError: it is no GGUF file.
        """
        import gguf

        try:
            reader = gguf.GGUFReader(path)
            self._fields: dict[str, Any] = {
                name: field.contents()
                for name, field in reader.fields.items()
                if name.startswith(("general.", f"{_ARCHITECTURE}."))
            }
        except (OSError, ValueError, IndexError, KeyError) as cause:
            raise ModelCorruptError(
                f"{path} 不是可用的 GGUF 文件；请用 reviewer models verify 检查。"
            ) from cause
        if (name := self._fields.get("general.architecture")) != _ARCHITECTURE:
            raise InputError(f"只会训练 Qwen2 架构的模型，{path.name} 是 {name}；请换一个 model。")
        self._rounded = rounded
        self._tensors = {tensor.name: tensor for tensor in reader.tensors}
        self.n_layers = int(self._field("block_count"))
        self.width = int(self._field("embedding_length"))

    def lower(self, n_layers: int) -> nn.Module:
        """Return embeddings and the lowest ``n_layers``: token ids to the states that go on upwards."""
        model = self._model(range(n_layers), learns=False)
        model.embed_tokens = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
            self._tensor("token_embd.weight")
        )
        model.norm = nn.Identity()
        return model

    def upper(self, n_layers: int) -> tuple[nn.Module, Tensor]:
        """Return the layers from ``n_layers`` on with the last norm, and the output [vocabulary, width]."""
        model = self._model(range(n_layers, self.n_layers), learns=True)
        model.embed_tokens = nn.Identity()
        norm = {"weight": self._tensor("output_norm.weight")}
        model.get_submodule("norm").load_state_dict(norm, assign=True)
        tied = "output.weight" not in self._tensors
        return model, self._tensor("token_embd.weight" if tied else "output.weight")

    def _model(self, layers: range, *, learns: bool) -> nn.Module:
        """Return a Qwen2 of ``layers`` whose embeddings and last norm are still to be set."""
        from transformers.models.qwen2.modeling_qwen2 import Qwen2Model, Qwen2RotaryEmbedding

        config = self._config(len(layers))
        with torch.device("meta"):
            model: nn.Module = Qwen2Model(config)
        model.rotary_emb = Qwen2RotaryEmbedding(config)
        for layer, own in zip(layers, model.get_submodule("layers").children(), strict=True):
            own.load_state_dict(self._layer(layer), assign=True)
            if self._rounded:
                freeze_linears(own, learns_below=learns)
        return model.requires_grad_(requires_grad=False).eval()

    def _layer(self, layer: int) -> Mapping[str, Tensor]:
        return {
            f"{part}.{kind}": self._tensor(name)
            for part, short in _PARTS.items()
            for kind in ("weight", "bias")
            if (name := f"blk.{layer}.{short}.{kind}") in self._tensors
        }

    def _config(self, n_layers: int) -> "Qwen2Config":
        from transformers import Qwen2Config

        return Qwen2Config(
            vocab_size=1,  # the embeddings are put in afterwards
            hidden_size=self.width,
            intermediate_size=int(self._field("feed_forward_length")),
            num_hidden_layers=n_layers,
            num_attention_heads=int(self._field("attention.head_count")),
            num_key_value_heads=int(self._field("attention.head_count_kv")),
            rms_norm_eps=self._field("attention.layer_norm_rms_epsilon"),
            max_position_embeddings=int(self._field("context_length")),
            rope_parameters={"rope_type": "default", "rope_theta": self._field("rope.freq_base")},
            pad_token_id=None,
            use_cache=False,
        )

    def _field(self, name: str) -> float:
        try:
            return float(self._fields[f"{_ARCHITECTURE}.{name}"])
        except KeyError as cause:
            raise ModelCorruptError(f"模型文件里缺 {name}；请用 reviewer models verify 检查。") from cause

    def _tensor(self, name: str) -> Tensor:
        from gguf.quants import dequantize

        tensor = self._tensors[name]
        # The reader's arrays are windows into the file.
        return torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32))
