"""The token ids that reach the shipped model, pinned: a changed template or tokenizer shows here."""

import hashlib
import json
from pathlib import Path

import pytest

from reviewer.clauses import split_clauses
from reviewer.engine.chat import CHATML
from reviewer.engine.library import LoadedModel
from reviewer.manual.catalogue import Catalogue
from reviewer.models.packages import installed
from reviewer.models.registry import load_registry
from reviewer.models.resolve import resolve_model
from reviewer.prompting import PromptBook
from reviewer.prompting.book import CLAUSE_MARKS, Violation
from reviewer.settings import Settings
from tests.conftest import Golden
from tests.prompting.test_book import TALK

GOLDEN = Path(__file__).parents[1] / "golden" / "tokens" / "qwen2.5-coder.json"
ENTRY = load_registry()[0]


@pytest.mark.model
@pytest.mark.skipif(not installed(ENTRY), reason="the model packages are not installed")
def test_token_ids(prompts: PromptBook, catalogue: Catalogue, golden: Golden) -> None:
    model = LoadedModel(resolve_model(ENTRY.name, Settings().home).path)
    prompt = prompts.prompt(TALK, split_clauses(TALK.draft), catalogue.rules)
    rule = catalogue.rule("A02")
    violation = Violation(rule, (1,))
    prefix = CHATML.prefix(model, prompt.system)
    marks = [model.tokenize(mark) for mark in CLAUSE_MARKS]
    pinned = {
        "prefix": {
            "tokens": len(prefix),
            "sha256": hashlib.sha256(json.dumps(prefix).encode()).hexdigest(),
        },
        "user": model.tokenize(prompt.user),
        "violated": CHATML.tail(model, prompts.violated(rule)),
        "pointing": CHATML.tail(model, prompts.pointing(rule)),
        "reason": CHATML.tail(model, prompts.reason(violation)),
        "rewrite": CHATML.tail(model, prompts.rewrite([violation])),
        "choices": [model.tokenize(choice) for choice in prompts.choices],
        "marks": marks,
    }
    model.close()
    assert len({tuple(mark[:-1]) for mark in marks}) == 1, "marks differ in their last token only"
    golden.check(GOLDEN, json.dumps(pinned, ensure_ascii=False) + "\n")
