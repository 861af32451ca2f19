"""Findings -> a reply that can be sent, and the proof that it can."""

from reviewer.rewriting.rewriter import Proposal, Rewriter
from reviewer.rewriting.verification import Recheck, Verdict, verify

__all__ = ["Proposal", "Recheck", "Rewriter", "Verdict", "verify"]
