"""Candidate rules -> grades -> where and why."""

from reviewer.grading.calibration import Calibration, Conditions, load_calibration
from reviewer.grading.explainer import Explainer, Explanation
from reviewer.grading.grader import Evidence, Grader, Grading

__all__ = [
    "Calibration",
    "Conditions",
    "Evidence",
    "Explainer",
    "Explanation",
    "Grader",
    "Grading",
    "load_calibration",
]
