"""From a conversation to relevance."""

from pathlib import Path

from reviewer.index.chunks import chunk_manual
from reviewer.index.encoder import HashingEncoder
from reviewer.index.store import build_index, open_index
from reviewer.manual.catalogue import Catalogue
from reviewer.retrieval import IndexRetriever, query_of
from reviewer.types import Conversation


def test_the_query_is_the_customers_message_and_the_draft() -> None:
    assert query_of(Conversation(draft="请稍等", customer="在吗")) == "在吗\n请稍等"
    assert query_of(Conversation(draft="请稍等")) == "请稍等"


def test_every_rule_has_a_relevance_and_the_fitting_one_leads(catalogue: Catalogue, tmp_path: Path) -> None:
    encoder = HashingEncoder()
    passages = chunk_manual(catalogue.sections, catalogue.rules)
    build_index(tmp_path, passages, encoder, manual_hash=catalogue.content_hash)
    index = open_index(tmp_path, manual_hash=catalogue.content_hash, encoder_identity=encoder.identity)
    retriever = IndexRetriever(index, encoder)
    talk = Conversation(draft="要工号干嘛，没有工号。", customer="你的工号是多少")
    relevance = retriever.relevance(talk)
    assert set(relevance) == {rule.id for rule in catalogue.rules}
    assert max(relevance, key=lambda rule: relevance[rule].fused) == "S06"
    assert retriever.identity == index.index_identity
