from reviewer.evaluation.metrics.groups import KINDS, UNNAMED, group_rows, robustness_rows
from tests.evaluation.metrics.builders import record, run


def test_core_measures_by_part() -> None:
    rows = group_rows(
        run(
            record("1", gold=["A01"], cited=["A01"], industry="快递", author="甲", manner="real"),
            record("2", gold=["A01"], industry="快递", author="乙", manner="real"),
            record("3", industry="家政", author="甲"),
        )
    )
    assert [(row.kind, row.name, row.n) for row in rows] == [
        ("industry", "家政", 1),
        ("industry", "快递", 2),
        ("author", "乙", 1),
        ("author", "甲", 2),
        ("manner", "real", 2),
        ("manner", UNNAMED, 1),
    ]
    courier = {measure.name: measure.value for measure in rows[1].measures}
    # 2 * 1 / (2 + 1); one of two flagged; no compliant draft.
    assert courier == {"citation_f1": 2 / 3, "flag_recall": 0.5, "flag_specificity": None}


def test_compared_drafts_by_tag() -> None:
    rows = robustness_rows(
        run(
            record("1", kind="clean", partner="2", tags=["A01", "subtle"]),
            record("2", kind="mutated", partner="1", tags=["A01", "subtle"], gold=["A01"], cited=["A01"]),
            record("3", kind="base", partner="4", tags=["typo"]),
            record("4", kind="variant", partner="3", tags=["typo"]),
        )
    )
    assert [(row.kind, row.name, row.n) for row in rows] == [("edit", "typo", 1), ("level", "subtle", 1)]
    assert rows[1].measures[0].value == 1
    assert {row.kind for row in rows} <= set(KINDS)


def test_empty_run_has_no_groups() -> None:
    assert group_rows(run()) == robustness_rows(run()) == ()
