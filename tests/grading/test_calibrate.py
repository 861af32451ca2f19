"""The script that fits the combiner decides as the reviewer does."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.grading.calibration import Calibration, Thresholds
from reviewer.types import Severity

SCRIPT = Path(__file__).parents[2] / "eval" / "calibrate.py"
RULES = ("A01", "A02", "E01")
CHANCES = st.lists(st.floats(0, 0.99), min_size=len(RULES), max_size=len(RULES), unique=True)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("calibrate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibrate"] = module
    spec.loader.exec_module(module)
    return module


@settings(max_examples=200)
@given(
    drafts=st.lists(st.tuples(CHANCES, st.booleans()), min_size=1, max_size=4),
    thresholds=st.tuples(*[st.floats(0.05, 0.95)] * 3),
)
def test_drafts_are_decided_as_one_by_one(
    script: ModuleType, drafts: list[tuple[list[float], bool]], thresholds: tuple[float, float, float]
) -> None:
    red, other, draft = thresholds
    calibration = Calibration(thresholds=Thresholds(red=red, other=other, draft=draft))
    severities: dict[str, Severity] = {"A01": "minor", "A02": "major", "E01": "red"}
    rows = len(drafts) * len(RULES)
    table = script._Table(
        features=np.zeros((rows, 4)),
        labels=np.zeros(rows, dtype=bool),
        rules=np.tile(np.arange(len(RULES)), len(drafts)),
        authors=np.zeros(rows, dtype=int),
        drafts=np.repeat(np.arange(len(drafts)), len(RULES)),
        hits=np.array([hit and rule == "A02" for _, hit in drafts for rule in RULES]),
        red=np.array([rule == "E01" for _ in drafts for rule in RULES]),
        names=RULES,
    )
    chances = np.array([chance for chances, _ in drafts for chance in chances])
    found = script._found(table, chances, script._Thresholds(red, other, draft)).reshape(len(drafts), -1)
    for (own, hit), row in zip(drafts, found, strict=True):
        violated = calibration.violated(dict(zip(RULES, own, strict=True)), severities, hit=hit)
        assert {rule for rule, is_found in zip(RULES, row, strict=True) if is_found} == (
            violated | ({"A02"} if hit else set())
        )
