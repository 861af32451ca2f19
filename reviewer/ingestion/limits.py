"""How much of this machine one document, and one manual, may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one file; beyond them it is refused.

    ``unpacked_bytes`` is what a compressed file says it holds; ``memory_bytes`` bounds the address
    space of the process that reads it, ``seconds`` its life. ``segments`` (lines and pieces of lines)
    and ``rules`` bound all files of a manual together; so does ``rule_characters``, with whose square the
    time grows that looking for rules of one meaning takes.
    """

    file_bytes: int = 64 * 2**20
    unpacked_bytes: int = 256 * 2**20
    characters: int = 5_000_000
    memory_bytes: int = 2 * 2**30
    seconds: float = 60.0
    segments: int = 50_000
    rules: int = 5_000
    rule_characters: int = 1_000_000
