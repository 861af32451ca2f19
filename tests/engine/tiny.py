"""A two-layer Qwen2 with random weights and a byte vocabulary: the real engine in milliseconds."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from gguf import GGUFWriter

LAYERS, WIDTH, HEADS, KV_HEADS, HIDDEN = 2, 64, 4, 2, 96
CONTROL = ["<|im_start|>", "<|im_end|>"]


def _byte_alphabet() -> list[str]:
    """GPT-2's printable stand-ins for the 256 bytes, in byte order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(spare)) for byte in range(256)]


def write_model(path: Path, *, seed: int = 0) -> Path:
    """Write the model to ``path``."""
    import gguf

    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    tokens = [*_byte_alphabet(), *CONTROL]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * len(CONTROL),
    )
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(257)
    _tensors(writer, rng, len(tokens))
    return _finish(writer, path)


def write_adapter(path: Path, *, seed: int = 1) -> Path:
    """Write a LoRA of rank 4 over the queries of every layer to ``path``."""
    import gguf

    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    for layer in range(LAYERS):
        for part, shape in (("lora_a", (4, WIDTH)), ("lora_b", (WIDTH, 4))):
            writer.add_tensor(f"blk.{layer}.attn_q.weight.{part}", _random(rng, shape))
    return _finish(writer, path)


def _tensors(writer: "GGUFWriter", rng: np.random.Generator, n_vocab: int) -> None:
    size = WIDTH // HEADS
    writer.add_tensor("token_embd.weight", _random(rng, (n_vocab, WIDTH)))
    writer.add_tensor("output.weight", _random(rng, (n_vocab, WIDTH)))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    for layer in range(LAYERS):
        name = f"blk.{layer}"
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{name}.{norm}.weight", np.ones(WIDTH, dtype=np.float32))
        for part, rows in (("q", WIDTH), ("k", KV_HEADS * size), ("v", KV_HEADS * size)):
            writer.add_tensor(f"{name}.attn_{part}.weight", _random(rng, (rows, WIDTH)))
            writer.add_tensor(f"{name}.attn_{part}.bias", np.zeros(rows, dtype=np.float32))
        writer.add_tensor(f"{name}.attn_output.weight", _random(rng, (WIDTH, WIDTH)))
        writer.add_tensor(f"{name}.ffn_gate.weight", _random(rng, (HIDDEN, WIDTH)))
        writer.add_tensor(f"{name}.ffn_up.weight", _random(rng, (HIDDEN, WIDTH)))
        writer.add_tensor(f"{name}.ffn_down.weight", _random(rng, (WIDTH, HIDDEN)))


def _random(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    return (rng.standard_normal(shape) * 0.3).astype(np.float32)


def _finish(writer: "GGUFWriter", path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
