"""Renders the templates of ``prompts/reviewer.yaml``, or those of ``rewriter.yaml`` in their place.

The parts of a request's prompt: ``system`` (the same for every request with this manual, kept by
the engine), ``user`` (conversation and numbered draft), and one tail a question.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from reviewer.engine.protocol import Prompt, Tail
from reviewer.errors import CorpusError
from reviewer.resources import content_hash, read_text
from reviewer.types import Clause, Conversation, Rule, Turn

_File = TypeVar("_File", bound=BaseModel)

CLAUSE_MARKS = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
MAX_CLAUSES = len(CLAUSE_MARKS)

_GRADING, _REWRITING = "reviewer.yaml", "rewriter.yaml"


class _TailTemplate(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    question: str
    answer: str


class _Templates(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int
    yes: str
    no: str
    channels: dict[str, str]
    stages: dict[str, str]
    system: str
    user: str
    violated: _TailTemplate
    pointing: _TailTemplate
    reason: _TailTemplate
    rewrite: _TailTemplate


class _RewriterTemplates(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int
    channels: dict[str, str]
    stages: dict[str, str]
    system: str
    user: str
    rewrite: _TailTemplate


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule and the numbers of the clauses that break it, for the tails that explain and rewrite.

    ``approved`` is what the manual would have said instead, empty when it does not say.
    """

    rule: Rule
    clauses: tuple[int, ...]
    approved: str = ""

    @property
    def marks(self) -> str:
        """The circled numbers of the clauses."""
        return "".join(CLAUSE_MARKS[number - 1] for number in self.clauses)


class PromptBook:
    """The templates, parsed once. ``content_hash`` goes into every review."""

    def __init__(self, templates: _Templates, content_hash: str) -> None:
        """Keep ``templates``; ``load_prompts`` makes one from a folder."""
        import jinja2

        self.content_hash = content_hash
        self.choices = (templates.yes, templates.no)
        self._templates = templates
        self._compiled: dict[str, jinja2.Template] = {}
        self._environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
        )

    def prompt(self, conversation: Conversation, clauses: Sequence[Clause], rules: Sequence[Rule]) -> Prompt:
        """Return what all questions about one draft share.

        Args:
            conversation: The draft and its situation.
            clauses: The draft's clauses, at most ``MAX_CLAUSES``.
            rules: The resident rules, the same for every request.
        """
        return Prompt(system=self.system(rules), user=self._user(conversation, clauses))

    def system(self, rules: Sequence[Rule]) -> str:
        """Return the text of the fixed prefix that holds ``rules``."""
        return self._render(self._templates.system, rules=rules)

    def violated(self, rule: Rule, *, resident: bool = True) -> Tail:
        """Ask whether ``rule`` is violated; answered by one of ``choices``.

        A rule that is not ``resident`` in the system text brings its own text.
        """
        return self._tail(self._templates.violated, rule=rule, resident=resident)

    def pointing(self, rule: Rule) -> Tail:
        """Ask which clause breaks ``rule``; answered by one of ``CLAUSE_MARKS``."""
        return self._tail(self._templates.pointing, rule=rule)

    def reason(self, violation: Violation) -> Tail:
        """Ask why the clauses break the rule; answered by one sentence."""
        return self._tail(self._templates.reason, violation=violation, rule=violation.rule)

    def rewrite(self, violations: Sequence[Violation]) -> Tail:
        """Ask for a reply that breaks none of the rules."""
        return self._tail(self._templates.rewrite, violations=violations)

    def _user(self, conversation: Conversation, clauses: Sequence[Clause]) -> str:
        numbered = "".join(CLAUSE_MARKS[clause.number - 1] + clause.span.text for clause in clauses)
        return self._render(
            self._templates.user,
            channel=self._templates.channels[conversation.channel],
            stage=self._templates.stages[conversation.stage],
            history=[(_speaker(turn), turn.text) for turn in conversation.history],
            customer=conversation.customer,
            verified=conversation.identity_verified,
            facts=conversation.facts,
            draft=numbered,
            text=conversation.draft,
        )

    def _tail(self, template: _TailTemplate, **values: object) -> Tail:
        return Tail(self._render(template.question, **values), self._render(template.answer, **values))

    def _render(self, source: str, **values: object) -> str:
        if source not in self._compiled:
            self._compiled[source] = self._environment.from_string(source)
        return self._compiled[source].render(**values)


def _speaker(turn: Turn) -> str:
    return "客户" if turn.role == "customer" else "坐席"


def load_prompts(folder: Path) -> PromptBook:
    """Read ``reviewer.yaml`` from ``folder``.

    Raises:
        CorpusError: it is missing, or a template is missing or unknown.
    """
    templates, text = _read(folder / _GRADING, _Templates)
    return PromptBook(templates, content_hash(text.encode()))


def load_rewriter_prompts(folder: Path) -> PromptBook:
    """Read the prompts of a model that was trained to rewrite: those of ``rewriter.yaml`` go before.

    ``content_hash`` is of that file alone: nothing else reaches such a model.

    Raises:
        CorpusError: a file is missing, or a template is missing or unknown.
    """
    short, text = _read(folder / _REWRITING, _RewriterTemplates)
    templates, _ = _read(folder / _GRADING, _Templates)
    own = {name: getattr(short, name) for name in _RewriterTemplates.model_fields}
    return PromptBook(templates.model_copy(update=own), content_hash(text.encode()))


def _read(path: Path, kind: type[_File]) -> tuple[_File, str]:
    text = read_text(path)
    try:
        return kind.model_validate(yaml.safe_load(text)), text
    except (yaml.YAMLError, ValidationError) as cause:
        raise CorpusError(f"提示模板 {path} 无效：{str(cause).splitlines()[0]}") from cause
