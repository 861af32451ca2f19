"""How recall is counted."""

from reviewer.manual.catalogue import Catalogue
from reviewer.training.recall import recall_figures
from tests.training.tiny import make_example


def test_recall_is_over_broken_situational_rules_among_situational_ones(catalogue: Catalogue) -> None:
    situational = [rule.id for rule in catalogue.rules if not rule.standing]
    standing = [rule.id for rule in catalogue.rules if rule.standing]
    first, second, third, ninth = situational[0], situational[1], situational[2], situational[8]
    broken = {
        "x": (first, standing[0]),  # place 1
        "y": (second, ninth),  # places 2 and 9
        "z": (third,),  # place 3
        "disputed": (first,),
        "clean": (),
    }
    examples = [
        make_example(
            name,
            f"草稿{name}。",
            *({"rule": rule} for rule in rules),
            disputed=[first] if name == "disputed" else [],
        )
        for name, rules in broken.items()
    ]
    # Standing rules stand before all others and take no place.
    rankings = {name: [*standing, *situational] for name in broken}
    assert recall_figures(rankings, examples, catalogue, ()) == {
        "recall_at_1_seen": 1 / 4,
        "recall_at_3_seen": 3 / 4,
        "recall_at_5_seen": 3 / 4,
        "recall_at_8_seen": 3 / 4,
    }
    apart = recall_figures(rankings, examples, catalogue, (second, standing[0]))
    assert (apart["recall_at_1_seen"], apart["recall_at_8_seen"]) == (1 / 3, 2 / 3)
    assert (apart["recall_at_1_held_out"], apart["recall_at_3_held_out"]) == (0, 1)


def test_without_cases_there_is_no_figure(catalogue: Catalogue) -> None:
    assert recall_figures({"x": []}, [make_example("x", "好。")], catalogue, ("A01",)) == {}
