"""Trains a LoRA with which the language model writes compliant replies.

What this file exports does not import torch; ``reviewer.training.rewriter.run`` and what is below it do.
"""

from reviewer.training.rewriter.recipe import RewriterRecipe

__all__ = ["RewriterRecipe"]
