"""Trains the classifier of ``reviewer.classifier`` on labelled examples. Only here torch is needed to run it.

What this file exports does not import torch; ``reviewer.training.grader`` and what is below it do.
"""

from reviewer.training.data import DataFile, Labelled, read_labelled
from reviewer.training.recipe import Recipe
from reviewer.training.samples import Quote, Sample, SampleMaker, TrainingSet, training_set

__all__ = [
    "DataFile",
    "Labelled",
    "Quote",
    "Recipe",
    "Sample",
    "SampleMaker",
    "TrainingSet",
    "read_labelled",
    "training_set",
]
