"""Texts that two splits share."""

from reviewer.evaluation.examples import Example
from reviewer.evaluation.leaks import Leak, find_leaks, squeeze

DRAFT = "您的包裹今天17点前会送到小区门口，快递员会先给您打电话。"
QUESTION = "请问我的包裹到哪里了，今天能送到吗"


def example(name: str, draft: str, customer: str) -> Example:
    return Example(id=name, draft=draft, customer=customer, verdict="pass")


def found(test: Example, *others: Example, threshold: float = 0.8) -> list[tuple[str, str, str, bool]]:
    leaks = find_leaks([test], others, threshold=threshold)
    return [(leak.test, leak.other, leak.part, leak.exact) for leak in leaks]


def test_an_equal_text_is_found_whatever_its_width_case_blanks_and_marks() -> None:
    ours = example("t", DRAFT, "VIP会员怎么开通呀")
    other = example(
        "o", DRAFT.replace("，", " ").replace("17", "１７").replace("。", "～"), "ｖｉｐ會員 怎麼開通呀？？"
    )
    assert found(ours, other) == [("t", "o", "draft", True), ("t", "o", "customer", True)]


def test_a_text_with_one_word_exchanged_is_near() -> None:
    assert len(squeeze([DRAFT])[DRAFT]) == 27
    changed = DRAFT.replace("小区", "公司")
    [leak] = find_leaks([example("t", DRAFT, "")], [example("o", changed, "")])
    # 25 trigrams, all different; two changed characters lie in 4 of them: 21 / 25.
    assert abs(leak.similarity - 21 / 25) < 1e-9
    assert not leak.exact
    assert leak.to_text() == f"t 与 o 的草稿相似度 0.84：{DRAFT}"


def test_the_threshold_is_the_least_cosine_that_counts() -> None:
    ours, other = example("t", DRAFT, ""), example("o", DRAFT.replace("小区", "公司"), "")
    assert found(ours, other, threshold=0.83) == [("t", "o", "draft", False)]
    assert found(ours, other, threshold=0.85) == []


def test_different_texts_are_no_leak() -> None:
    assert (
        found(
            example("t", DRAFT, QUESTION),
            example("o", "发票会在开具后发送到您的邮箱。", "怎么开发票啊我急用"),
        )
        == []
    )


def test_a_short_text_counts_only_together_with_the_other_half() -> None:
    ours = example("t", "不客气，再见", "好的，谢谢")
    assert found(ours, example("o", "不客气 再见！", "好的 谢谢")) == [("t", "o", "pair", True)]
    assert found(ours, example("o", "再见", "好的，谢谢")) == []
    assert found(ours, example("o", DRAFT, "好的，谢谢")) == []
    assert found(example("t", "好的，谢谢", ""), example("o", "好的，谢谢", "")) == []


def test_halves_of_a_pair_are_kept_apart() -> None:
    assert found(example("t", "好", "的呀"), example("o", "呀", "好的")) == []


def test_closest_first_and_every_other_is_named() -> None:
    near = example("near", DRAFT.replace("小区", "公司"), "")
    same = example("same", DRAFT, "")
    leaks = find_leaks([example("t", DRAFT, "")], [near, same])
    assert [leak.other for leak in leaks] == ["same", "near"]
    assert leaks[0] == Leak("t", "same", "draft", 1.0, True, DRAFT)
    assert leaks[0].to_text() == f"t 与 same 的草稿相同：{DRAFT}"


def test_rows_keep_their_place_across_blocks() -> None:
    tests = [example(f"t{n}", f"第{n}号订单的编码是{n * 7919}{n * 104729}", "") for n in range(600)]
    leaks = find_leaks(tests, [example("o", tests[550].draft, "")], threshold=0.999)
    assert [(leak.test, leak.exact) for leak in leaks] == [("t550", True)]


def test_nothing_shares_nothing() -> None:
    assert find_leaks([], [example("o", DRAFT, QUESTION)]) == []
    assert find_leaks([example("t", DRAFT, QUESTION)], []) == []


def test_squeezing_keeps_texts_apart_that_hold_line_breaks_or_nothing() -> None:
    texts = ["第一行\n第二行\u2028第三行", "", "～", "ＡＢ c", "第一行"]
    assert list(squeeze(texts).values()) == ["第一行第二行第三行", "", "", "abc", "第一行"]
    assert squeeze([]) == {}
