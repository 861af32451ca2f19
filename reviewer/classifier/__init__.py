"""One pass of a small trained encoder over a conversation scores every rule of the manual."""

from reviewer.classifier.files import ClassifierFiles, classifier_files
from reviewer.classifier.head import Head
from reviewer.classifier.manual import ManualClassifier, known_to
from reviewer.classifier.model import RuleClassifier, RuleScore

__all__ = [
    "ClassifierFiles",
    "Head",
    "ManualClassifier",
    "RuleClassifier",
    "RuleScore",
    "classifier_files",
    "known_to",
]
