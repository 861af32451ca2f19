"""The search index of a manual: FAISS beside BM25, fused by reciprocal rank."""

from reviewer.index.chunks import CHUNKER_VERSION, Passage, chunk_manual
from reviewer.index.encoder import Encoder, HashingEncoder, Prompts, SentenceTransformerEncoder
from reviewer.index.query import ManualIndex, RuleScore, SearchHit
from reviewer.index.store import build_index, open_index

__all__ = [
    "CHUNKER_VERSION",
    "Encoder",
    "HashingEncoder",
    "ManualIndex",
    "Passage",
    "Prompts",
    "RuleScore",
    "SearchHit",
    "SentenceTransformerEncoder",
    "build_index",
    "chunk_manual",
    "open_index",
]
