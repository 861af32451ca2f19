"""What every check is handed: the folded draft and what is known around it."""

import re
from dataclasses import dataclass

from reviewer.checks.wording import quoted, reported
from reviewer.folding import Folded, fold
from reviewer.types import Conversation, Span

_BETWEEN_DIGITS = re.compile(r"(?<=\d)[ \-.·—]{1,3}(?=\d)")


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """What a team configures.

    ``public_numbers`` are the hotlines and extensions that may be told to anybody, in any notation.
    """

    public_numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """A conversation made ready for the checks.

    ``customer`` is all that the customer wrote and ``asked`` the last message of it; ``team`` is
    what the team declared: public numbers and facts. All are folded text.
    """

    conversation: Conversation
    draft: Folded
    customer: str
    asked: str
    team: str

    def written_by_customer(self, number: str) -> bool:
        """Whether the customer wrote these digits in this conversation, blanks and hyphens aside."""
        return number in close_up(self.customer)

    def said(self, pattern: re.Pattern[str]) -> tuple[Span, ...]:
        """Return where the draft says ``pattern`` in the agent's own voice: not quoted, not reported."""
        text = self.draft.text
        return tuple(
            self.draft.span(*match.span())
            for match in pattern.finditer(text)
            if not quoted(text, *match.span()) and not reported(text, match.start())
        )

    def declared_by_team(self, number: str) -> bool:
        """Whether these digits stand in the public numbers or facts of the team."""
        return number in close_up(self.team)


def make_subject(conversation: Conversation, settings: CheckSettings) -> Subject:
    """Fold what the checks look at, once."""
    asked = fold(conversation.customer).text
    earlier = [fold(turn.text).text for turn in conversation.history if turn.role == "customer"]
    declared = [fold(text).text for text in (*settings.public_numbers, *conversation.facts)]
    return Subject(
        conversation=conversation,
        draft=fold(conversation.draft),
        customer="\n".join([*earlier, asked]),
        asked=asked,
        team="\n".join(declared),
    )


def close_up(text: str) -> str:
    """Return folded ``text`` without the blanks, hyphens and dots between two digits."""
    return _BETWEEN_DIGITS.sub("", text)
