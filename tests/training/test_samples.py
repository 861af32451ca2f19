"""What the network learns from."""

from pathlib import Path

import pytest

from reviewer.classifier.text import MAX_DRAFT
from reviewer.errors import InputError
from reviewer.folding import fold
from reviewer.manual.catalogue import Catalogue
from reviewer.training.data import Labelled, read_labelled, refuse_overlap
from reviewer.training.samples import Quote, SampleMaker, padded, pointed_shares, training_set
from tests.training.tiny import Letter, Letters, eight_examples, make_example, tiny_catalogue


@pytest.fixture
def maker(catalogue: Catalogue) -> SampleMaker:
    return SampleMaker(catalogue, Letters())


def row(catalogue: Catalogue, rule: str) -> int:
    return [each.id for each in catalogue.rules].index(rule)


def everywhere(catalogue: Catalogue) -> tuple[str, str]:
    first, second, *_ = tiny_catalogue(catalogue).rules
    return first.id, second.id


def test_a_quote_becomes_the_tokens_of_the_draft(maker: SampleMaker, catalogue: Catalogue) -> None:
    rule, _ = everywhere(catalogue)
    sample = maker.labelled(make_example("x", "您好，自己打，", {"rule": rule, "quote": "自己打"}))
    # 您0 好1 ，2 自3 己4 打5
    assert sample.quotes == (Quote(row(catalogue, rule), (3, 4, 5)),)
    assert sum(sample.targets) == sample.targets[row(catalogue, rule)] == 1
    assert sample.ids[sample.draft_start + 3] == Letters().pieces("自")[0].id


class Marked(Letters):
    """Puts a mark before a text that covers nothing of it, as the real tokenizer does."""

    def pieces(self, text: str) -> list[Letter]:
        return [Letter(9, 0, 0), *super().pieces(text)]


def test_the_mark_before_a_draft_belongs_to_its_first_words(catalogue: Catalogue) -> None:
    rule, other = everywhere(catalogue)
    labels = [{"rule": rule, "quote": "自己"}, {"rule": other, "quote": "打"}]
    sample = SampleMaker(catalogue, Marked()).labelled(make_example("x", "自己打", *labels))
    # mark0 自1 己2 打3
    assert [quote.tokens for quote in sample.quotes] == [(0, 1, 2), (3,)]


def test_line_ends_do_not_shift_a_quote(maker: SampleMaker, catalogue: Catalogue) -> None:
    rule, _ = everywhere(catalogue)
    sample = maker.labelled(make_example("x", "您好\r\n自己\r\n打", {"rule": rule, "quote": "自己\r\n打"}))
    # 您0 好1 line feed2 自3 己4 line feed5 打6
    assert sample.quotes[0].tokens == (3, 4, 5, 6)


def test_nothing_is_learned_of_rules_that_do_not_apply(maker: SampleMaker, catalogue: Catalogue) -> None:
    sample = maker.labelled(make_example("x", "您好。"))
    for number, rule in enumerate(catalogue.rules):
        applies = "middle" in rule.stages and "online" in rule.channels
        assert sample.mask[number] == float(applies), rule.id
    assert 0 < sum(sample.mask) < len(catalogue.rules)


def test_nothing_is_learned_of_a_rule_in_dispute(maker: SampleMaker, catalogue: Catalogue) -> None:
    rule, other = everywhere(catalogue)
    labels = [{"rule": each, "quote": "自己打"} for each in (rule, other)]
    sample = maker.labelled(make_example("x", "自己打。", *labels, disputed=[rule]))
    disputed, plain = row(catalogue, rule), row(catalogue, other)
    assert (sample.mask[disputed], sample.targets[disputed]) == (0, 0)
    assert (sample.mask[plain], sample.targets[plain]) == (1, 1)
    assert [quote.rule for quote in sample.quotes] == [plain]


def test_an_absence_has_a_target_and_no_tokens(maker: SampleMaker, catalogue: Catalogue) -> None:
    rule, _ = everywhere(catalogue)
    sample = maker.labelled(make_example("x", "好。", {"rule": rule}))
    assert sample.targets[row(catalogue, rule)] == sample.mask[row(catalogue, rule)] == 1
    assert sample.quotes == ()


def test_of_a_long_draft_the_first_window(maker: SampleMaker, catalogue: Catalogue) -> None:
    rule, other = everywhere(catalogue)
    draft = "开头" + "好" * MAX_DRAFT + "结尾"
    labels = [{"rule": rule, "quote": "开头"}, {"rule": other, "quote": "结尾"}]
    sample = maker.labelled(make_example("x", draft, *labels))
    assert len(sample.offsets) == MAX_DRAFT
    assert [quote.rule for quote in sample.quotes] == [row(catalogue, rule)]
    # What violates the other rule is out of sight, so neither yes nor no may be learned.
    assert sample.mask[row(catalogue, other)] == 0
    assert sample.mask[row(catalogue, rule)] == 1


def test_rewrites_violate_nothing(maker: SampleMaker, catalogue: Catalogue) -> None:
    rule, _ = everywhere(catalogue)
    example = make_example("x", "自己打。", {"rule": rule}, rewrite="您好，我帮您查。", disputed=[rule])
    sample = maker.rewrite(example)
    assert not any(sample.targets)
    assert sample.mask[row(catalogue, rule)] == 1
    assert len(sample.offsets) == len("您好，我帮您查。")


def test_the_manual_teaches_its_own_wordings(maker: SampleMaker, catalogue: Catalogue) -> None:
    samples = maker.manual()
    assert len(samples) == 2 * len(catalogue.rules)
    for number, rule in enumerate(catalogue.rules):
        good, bad = samples[2 * number], samples[2 * number + 1]
        assert not any(good.targets)
        assert good.mask[number] == 1
        assert bad.targets == bad.mask
        assert sum(bad.mask) == bad.mask[number] == 1
        assert len(bad.offsets) == min(MAX_DRAFT, len(fold(rule.bad).text))


@pytest.mark.parametrize("before", [True, False])
def test_beside_another_text_a_quote_is_still_pointed_at(
    maker: SampleMaker, catalogue: Catalogue, before: bool
) -> None:
    rule, other = everywhere(catalogue)
    labels = {"rule": rule, "quote": "自己打"}, {"rule": other}
    sample = maker.labelled(make_example("x", "您好，自己打", *labels))
    carrier = maker.labelled(make_example("y", "已为您查好。"))
    long = padded(sample, carrier, (), before=before)
    tokens = long.ids[long.draft_start : -1]
    assert len(tokens) == len(long.offsets) == 12
    whole = "已为您查好。您好，自己打" if before else "您好，自己打已为您查好。"
    assert tokens == tuple(each.id for each in Letters().pieces(fold(whole).text))
    first = fold(whole).text.index("自己打")
    assert long.quotes == (Quote(row(catalogue, rule), (first, first + 1, first + 2)),)
    assert long.targets == sample.targets
    assert long.mask[row(catalogue, rule)] == 1
    assert long.mask[row(catalogue, other)] == 0, "what was missing may stand in the other text"
    assert padded(sample, carrier, (row(catalogue, rule),), before=before).mask[row(catalogue, rule)] == 0


def test_a_padded_draft_still_fits(maker: SampleMaker) -> None:
    sample = maker.labelled(make_example("x", "打" * (MAX_DRAFT - 2)))
    carrier = maker.labelled(make_example("y", "好" * 50))
    assert len(padded(sample, carrier, (), before=True).offsets) == MAX_DRAFT


def test_a_training_set_has_all_three(catalogue: Catalogue) -> None:
    small = tiny_catalogue(catalogue)
    shares = [0.49, *[0.5] * (len(small.rules) - 1)]
    found = training_set(eight_examples(small), small, Letters(), shares)
    assert (len(found.labelled), len(found.rewrites), len(found.manual)) == (8, 4, 8)
    assert found.absent == (0,)


def test_shares_of_an_old_classifier_stand_until_there_is_enough(catalogue: Catalogue) -> None:
    small = tiny_catalogue(catalogue, rules=2)
    first, second = (rule.id for rule in small.rules)
    few = [make_example("x", "自己打。", {"rule": first})]
    assert pointed_shares(few, small, {first: 0.9}) == (0.9, 0.0)
    half = [
        make_example(str(n), "自己打。", {"rule": first, "quote": "自己" if n % 2 else ""}) for n in range(10)
    ]
    # 5 of 10 have a quote; the second rule has no violation and no past.
    assert pointed_shares(half, small, {first: 0.9}) == (0.5, 0.0)
    assert second not in {violation.rule for example in half for violation in example.violations}


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (make_example("x", "您好。", {"rule": "Z99"}), "没有规则 Z99"),
        (make_example("x", "您好。", {"rule": "A01", "quote": "再见"}), "不在草稿里"),
        (make_example("x", "您好。", disputed=["Z99"]), "没有规则 Z99"),
        (make_example("x", "。。。"), "没有文字"),
        (make_example("x", "您好。", {"rule": "A01"}, rewrite="\x07"), "控制字符|没有文字"),
    ],
)
def test_unusable_labels_are_refused(
    example: object, message: str, catalogue: Catalogue, tmp_path: Path
) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(example.model_dump_json() + "\n", encoding="utf-8")  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=message) as caught:
        read_labelled([path], catalogue)
    assert str(path) in str(caught.value)


def test_files_are_named_with_hash_and_count(catalogue: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(make_example("x", "您好。").model_dump_json() + "\n", encoding="utf-8")
    (file,) = read_labelled([path], catalogue).files
    assert (file.name, file.n_examples, len(file.sha256)) == (f"{tmp_path.name}/mine.jsonl", 1, 64)
    with pytest.raises(InputError, match="编号必须唯一"):
        read_labelled([path, path], catalogue)


def test_held_out_means_not_trained_on() -> None:
    one, two = make_example("x", "您好。"), make_example("y", "您好。")
    with pytest.raises(InputError, match="也在训练数据里"):
        refuse_overlap(Labelled(examples=(one,)), Labelled(examples=(two,)))
    refuse_overlap(Labelled(examples=(one,)), Labelled(examples=(make_example("y", "再见。"),)))
