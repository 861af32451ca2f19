"""Templates -> the texts that reach the model."""

from reviewer.prompting.book import PromptBook, load_prompts

__all__ = ["PromptBook", "load_prompts"]
