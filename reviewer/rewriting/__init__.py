"""Findings -> a reply that can be sent, and the proof that it can."""

from reviewer.rewriting.facts import placeholders
from reviewer.rewriting.mended import Mended
from reviewer.rewriting.mending import mend
from reviewer.rewriting.offers import Judge, Offer, better, demands_on, mend_and_verify
from reviewer.rewriting.rewriter import Proposal, Rewriter
from reviewer.rewriting.verification import Recheck, Verdict, verify
from reviewer.rewriting.wordings import WordingBook, load_wordings

__all__ = [
    "Judge",
    "Mended",
    "Offer",
    "Proposal",
    "Recheck",
    "Rewriter",
    "Verdict",
    "WordingBook",
    "better",
    "demands_on",
    "load_wordings",
    "mend",
    "mend_and_verify",
    "placeholders",
    "verify",
]
