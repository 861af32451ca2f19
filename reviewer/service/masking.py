"""Personal data made unreadable before a text goes into a log.

Source: the checks' own detectors for identity numbers, cards, telephone numbers and private
accounts. They are careful, a log need not be: any longer run of digits and any mail address goes too.
"""

import re
from collections.abc import Iterator

from reviewer.checks import CHECKS, CheckSettings
from reviewer.checks.subject import make_subject
from reviewer.types import Conversation

MASK = "***"
_DETECTORS = frozenset({"identity_numbers", "bank_cards", "phone_numbers", "personal_accounts"})
# Not \d{6,}: numbers are typed with blanks and hyphens, in full width, or spelled in Chinese.
_NUMBER = re.compile(r"[\d零〇一幺二三四五六七八九](?:[ \-.·—]{0,3}[\d零〇一幺二三四五六七八九]){5,}[xX]?")
# Bounded as RFC 5321 has it, or a long word is read again from each of its letters.
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")


def mask(text: str) -> str:
    """Return ``text`` with personal data replaced by ``MASK``."""
    pieces: list[str] = []
    done = 0
    for start, end in sorted(_personal(text)):
        if start >= done:
            pieces += [text[done:start], MASK]
        done = max(done, end)
    return "".join([*pieces, text[done:]])


def _personal(text: str) -> Iterator[tuple[int, int]]:
    for pattern in (_NUMBER, _MAIL):
        yield from (match.span() for match in pattern.finditer(text))
    subject = make_subject(Conversation(draft=text), CheckSettings())
    for check in CHECKS:
        if check.name in _DETECTORS:
            yield from ((span.start, span.end) for hit in check.find(subject) for span in hit.spans)
