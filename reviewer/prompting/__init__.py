"""Templates -> the texts that reach the model."""

from reviewer.prompting.book import PromptBook, load_prompts, load_rewriter_prompts

__all__ = ["PromptBook", "load_prompts", "load_rewriter_prompts"]
