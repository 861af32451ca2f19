"""Makes text from a draft or a model safe to show: nothing in it can steer a terminal.

Source of the list: terminals act on C0 and C1 controls (ECMA-48), and bidirectional and other
invisible format characters can make text read differently from what it says (Unicode UTS #39).
"""

import json
import re
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# A joiner (U+200D) is a Cf that family and profession emoji are made with.
_KEPT = frozenset("\n\u200d")
# What json.dumps leaves as it is although terminals, JavaScript or UTF-8 encoders trip over it.
_JSON_RAW = re.compile("[\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_TAB = "    "


def visible(text: str) -> str:
    """Return ``text`` with controls and invisible characters spelled out as ``<U+001B>``.

    Line breaks stay (CR LF becomes LF) and a tab becomes four spaces. Mapped character by
    character, so the parts of a text may be escaped apart, except between CR and LF.
    """
    return "".join(_show(char) for char in text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Return :func:`visible` text on one line, each line break shown as ``⏎``."""
    return visible(text).replace("\n", "⏎")


def json_text(value: object, *, indent: int | None = None) -> str:
    r"""Serialise ``value`` as JSON that is readable in Chinese and safe in a terminal.

    Characters that json.dumps would leave raw although they are controls or invisible are written
    as ``\uXXXX``, which reads back as the same string.
    """
    raw = json.dumps(value, ensure_ascii=False, indent=indent)
    return _JSON_RAW.sub(lambda match: f"\\u{ord(match[0]):04x}", raw)


def _show(char: str) -> str:
    if char in _KEPT:
        return char
    if char == "\t":
        return _TAB
    if unicodedata.category(char) in _HIDDEN:
        return f"<U+{ord(char):04X}>"
    return char
