"""A reply made of pieces of the draft and approved wordings, and what is known of it."""

from dataclasses import dataclass

from reviewer.rewriting.pieces import Piece, join
from reviewer.rewriting.planning import says_something
from reviewer.types import Span


@dataclass(frozen=True, slots=True)
class Mended:
    """A proposed reply.

    ``places`` say which part of ``text`` is which piece. ``dropped`` are the parts of the draft that
    were left out although they may carry facts, because a rule demands it. ``lost`` are those
    that went beside a breach and may have told the customer something: such a reply needs a look.
    ``forbidden`` are patterns that no verified reply to these breaches matches. ``speechless`` are the
    ids of cited rules that have no approved wording. ``empty`` when nothing of substance is left.
    ``settled`` are the rules that a wording in it fulfils to the letter, such as a greeting.
    """

    text: str
    places: tuple[tuple[Span, Piece], ...]
    dropped: tuple[Span, ...] = ()
    lost: tuple[Span, ...] = ()
    forbidden: tuple[str, ...] = ()
    speechless: tuple[str, ...] = ()
    empty: bool = False
    settled: frozenset[str] = frozenset()

    def in_draft(self, span: Span) -> tuple[Span, ...]:
        """Return where the words of the draft stand that ``span`` of the reply touches."""
        return tuple(
            piece.span
            for place, piece in self.places
            if piece.span is not None and place.start < span.end and span.start < place.end
        )

    @property
    def rest(self) -> "Mended":
        """What is kept of the draft, without what was put in; empty text when nothing but a greeting is."""
        kept = tuple(piece for _, piece in self.places if piece.span is not None)
        if not says_something(kept):
            return Mended("", ())
        joined = join(kept)
        return Mended(joined.text, joined.places)

    def is_new(self, span: Span) -> bool:
        """Whether ``span`` of the reply touches a wording that was put in."""
        return any(
            piece.span is None and place.start < span.end and span.start < place.end
            for place, piece in self.places
        )
