"""The labelled files of a training: what they are called in its card, and proof that they can be used."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reviewer.errors import InputError
from reviewer.evaluation.examples import Example, read_examples
from reviewer.manual.catalogue import Catalogue
from reviewer.models.hashing import file_sha256
from reviewer.request import conversation_of
from reviewer.types import Conversation


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of labels: folder and file name, SHA-256, and how many examples it holds."""

    name: str
    sha256: str
    n_examples: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """Examples in the order of their files."""

    files: tuple[DataFile, ...] = ()
    examples: tuple[Example, ...] = ()


def read_labelled(paths: Sequence[Path], catalogue: Catalogue) -> Labelled:
    """Read labelled files and prove that they can be trained on or measured with.

    Raises:
        InputError: a file cannot be read or is no labelled data, an id occurs twice, a label names a
            rule that the manual does not have, or a quote is not in its draft.
    """
    files: list[DataFile] = []
    examples: list[Example] = []
    known = frozenset(rule.id for rule in catalogue.rules)
    places: dict[str, Path] = {}
    for path in paths:
        found = read_examples(path)
        if not found:
            raise InputError(f"{path} 里没有样本。")
        for example in found:
            if example.id in places:
                raise InputError(
                    f"{path}：样本编号 {example.id} 在 {places[example.id]} 里已经有了；编号必须唯一。"
                )
            places[example.id] = path
            for fault in _faults(example, known):
                raise InputError(
                    f"{path} 的样本 {example.id}：{fault}；可用 reviewer eval validate 列出全部问题。"
                )
        files.append(DataFile(f"{path.absolute().parent.name}/{path.name}", file_sha256(path), len(found)))
        examples += found
    return Labelled(tuple(files), tuple(examples))


def refuse_overlap(train: Labelled, held_out: Labelled) -> None:
    """Refuse figures on what was trained on.

    Raises:
        InputError: the two share an example.
    """
    seen = {(example.customer, example.draft) for example in train.examples}
    for example in held_out.examples:
        if (example.customer, example.draft) in seen:
            raise InputError(
                f"--dev 的样本 {example.id} 也在训练数据里，算出的指标没有意义；请从其中一边删去。"
            )


def conversation_for(example: Example) -> Conversation:
    """Return the example as the reviewer would see it: line ends as line feeds.

    Raises:
        InputError: the reviewer would refuse it.
    """
    return conversation_of(example.request())


def find_quote(draft: str, quote: str) -> tuple[int, int] | None:
    """Return the half-open place of ``quote`` in a draft of ``conversation_for``, None when absent."""
    quote = quote.replace("\r\n", "\n").replace("\r", "\n")
    start = draft.find(quote)
    return (start, start + len(quote)) if quote and start >= 0 else None


def _faults(example: Example, known: frozenset[str]) -> Iterator[str]:
    named = [*(violation.rule for violation in example.violations), *example.disputed]
    for rule in named:
        if rule not in known:
            yield f"手册里没有规则 {rule}"
    try:
        draft = conversation_for(example).draft
        if example.rewrite:
            conversation_for(example.model_copy(update={"draft": example.rewrite}))
    except InputError as cause:
        yield str(cause).rstrip("。")
        return
    for violation in example.violations:
        if violation.quote and find_quote(draft, violation.quote) is None:
            yield f"{violation.rule} 的引文“{violation.quote}”不在草稿里"
