import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.index.encoder import (
    Encoder,
    HashingEncoder,
    Prompts,
    SentenceTransformerEncoder,
    locate_model,
    model_identity,
    read_prompts,
)

_E5 = Prompts(query="query: ", document="passage: ")


def write_config(folder: Path, config: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a BERT of one layer in half precision, with e5's prompts."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys("退款发票请稍等querypasg: ")]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    wrap: Any = PreTrainedTokenizerFast
    wrap(tokenizer_object=tokenizer, **special).save_pretrained(folder / "bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    model: Any = BertModel(config)
    model.half().save_pretrained(folder / "bert")
    modules = [Transformer(str(folder / "bert")), Pooling(16)]
    prompts = {"query": "query: ", "passage": "passage: "}
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(folder / "model"))
    return folder / "model"


@pytest.fixture(scope="module")
def encoder(tiny_model: Path) -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder(tiny_model)


def test_the_double_gives_the_same_unit_vectors_every_time() -> None:
    encoder: Encoder = HashingEncoder(64)
    vectors = encoder.encode_document(["退款", "发票", ""])

    assert vectors.dtype == np.float32
    assert vectors.shape == (3, 64)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(vectors, HashingEncoder(64).encode_query(["退款", "发票", ""]))


def test_the_double_puts_texts_that_share_characters_near_each_other() -> None:
    query, near, far = HashingEncoder().encode_query(["我要退款", "申请退款的步骤", "打错电话"])

    assert query @ near > query @ far


def test_the_doubles_of_two_dimensions_are_two_encoders() -> None:
    assert HashingEncoder(8).identity != HashingEncoder(16).identity


def test_declared_prompts_are_used(tmp_path: Path) -> None:
    write_config(tmp_path, {"prompts": {"query": "问：", "corpus": "文：", "other": "x"}})

    assert read_prompts(tmp_path) == Prompts(query="问：", document="文：")


def test_an_empty_placeholder_does_not_hide_the_passage_prompt(tmp_path: Path) -> None:
    write_config(tmp_path, {"prompts": {"query": "query: ", "document": "", "passage": "passage: "}})

    assert read_prompts(tmp_path) == _E5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("multilingual-e5-small", _E5),
        ("org/E5_base", _E5),
        ("bge-small-zh", Prompts()),
        ("base5", Prompts()),
    ],
)
def test_only_a_name_that_says_e5_implies_prompts(tmp_path: Path, name: str, expected: Prompts) -> None:
    assert read_prompts(tmp_path, name=name) == expected


@pytest.mark.parametrize("config", ["{", "[]"], ids=["truncated", "list"])
def test_an_unreadable_prompt_file_is_a_corrupt_model(tmp_path: Path, config: str) -> None:
    (tmp_path / "config_sentence_transformers.json").write_text(config)

    with pytest.raises(ModelCorruptError, match=r"config_sentence_transformers\.json"):
        read_prompts(tmp_path)


def test_identity_covers_files_names_and_prompts_but_not_notes(tmp_path: Path) -> None:
    folder = write_config(tmp_path / "m", {})
    before = model_identity(folder, Prompts())

    (folder / "README.md").write_text("notes")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "lock").write_text("x")
    assert model_identity(folder, Prompts()) == before
    assert model_identity(folder, _E5) != before

    (folder / "weights.bin").write_bytes(b"1")
    with_weights = model_identity(folder, Prompts())
    (folder / "weights.bin").write_bytes(b"2")
    changed = model_identity(folder, Prompts())
    (folder / "weights.bin").rename(folder / "weights2.bin")
    assert len({before, with_weights, changed, model_identity(folder, Prompts())}) == 4


def test_a_model_that_is_nowhere_is_missing() -> None:
    with pytest.raises(ModelMissingError, match="找不到嵌入模型 nobody/nothing"):
        locate_model("nobody/nothing")


@pytest.mark.parametrize("name", ["", "not a name!", "/no/such/folder"])
def test_a_name_that_cannot_be_is_missing(name: str) -> None:
    with pytest.raises(ModelMissingError):
        locate_model(name or "/no")


def test_a_folder_is_its_own_location(tmp_path: Path) -> None:
    assert locate_model(str(tmp_path)) == tmp_path


def test_a_folder_without_a_model_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(ModelCorruptError, match="无法加载"):
        SentenceTransformerEncoder(tmp_path)


def test_sentence_transformers_gives_float32_unit_vectors(encoder: SentenceTransformerEncoder) -> None:
    vectors = encoder.encode_document(["退款", "发票请稍等"])

    assert vectors.dtype == np.float32
    assert vectors.shape == (2, encoder.dimension) == (2, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_half_precision_weights_are_widened(encoder: SentenceTransformerEncoder) -> None:
    import torch

    assert {weight.dtype for weight in encoder._model.parameters()} == {torch.float32}


def test_queries_and_passages_get_their_own_prompts(encoder: SentenceTransformerEncoder) -> None:
    plain = encoder._model.encode(["query: 退款", "passage: 退款"], prompt="", normalize_embeddings=True)

    assert encoder.prompts == _E5
    np.testing.assert_allclose(encoder.encode_query(["退款"])[0], plain[0], atol=1e-6)
    np.testing.assert_allclose(encoder.encode_document(["退款"])[0], plain[1], atol=1e-6)


def test_no_text_gives_no_vector(encoder: SentenceTransformerEncoder) -> None:
    assert encoder.encode_query([]).shape == (0, 16)


def test_identity_is_the_content_of_the_model_unless_given(
    tiny_model: Path, encoder: SentenceTransformerEncoder
) -> None:
    assert encoder.identity == model_identity(tiny_model, _E5)
    assert SentenceTransformerEncoder(tiny_model, identity="verified").identity == "verified"


def test_loading_and_encoding_is_silent(tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    SentenceTransformerEncoder(tiny_model).encode_query(["退款"])

    assert capfd.readouterr() == ("", "")


def test_importing_the_package_loads_no_heavy_library() -> None:
    heavy = {"torch", "sentence_transformers", "faiss", "bm25s", "transformers", "opencc"}
    code = f"import sys, reviewer.index; print(sorted({heavy} & set(sys.modules)))"

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
