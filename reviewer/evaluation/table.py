"""Runs side by side as a Markdown table, and putting it into a document that says so.

A block of a document is what stands between ``<!-- reviewer:NAME -->`` and ``<!-- /reviewer:NAME -->``.
"""

from collections.abc import Sequence
from pathlib import Path

from reviewer.errors import InputError
from reviewer.evaluation.metrics.measure import Measure
from reviewer.evaluation.metrics.summary import summarise
from reviewer.evaluation.records import Run
from reviewer.files import atomic_path

_ABSENT = "–"
_F1 = "citation_f1"
_SHARES = (
    ("citation_precision", "precision"),
    ("citation_recall", "recall"),
    ("flag_recall", "flag recall"),
    ("flag_specificity", "specificity"),
    ("red_line_recall", "red-line recall"),
)


def markdown_table(runs: Sequence[Run]) -> str:
    """Return one row a run, in the order given, without a final newline.

    Columns: citation F1 (micro) with its 95 % interval, precision, recall, recall and specificity of
    the flag, red-line recall, median seconds a draft.
    """
    heads = ["system", "n", "citation F1 (95 %)", *(title for _, title in _SHARES), "median s"]
    lines = [_line(heads), _line(["---", *["---:"] * (len(heads) - 1)])]
    for run in runs:
        measures = {measure.name: measure for measure in summarise(run).measures}
        cells = [_escape(run.manifest.system), str(len(run.records)), _with_interval(measures.get(_F1))]
        cells += [_share(measures.get(name)) for name, _ in _SHARES]
        lines.append(_line([*cells, _seconds(measures.get("latency_p50_ms"))]))
    return "\n".join(lines)


def replace_block(text: str, name: str, block: str) -> str:
    """Return ``text`` with ``block`` in the place of what stands between the markers of ``name``.

    Raises:
        InputError: a marker is missing, stands twice, or the end stands before the start.
    """
    start, end = f"<!-- reviewer:{name} -->", f"<!-- /reviewer:{name} -->"
    if text.count(start) != 1 or text.count(end) != 1 or text.index(end) < text.index(start):
        raise InputError(f"文档里要恰好各有一个标记，先 {start} 后 {end}。")
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}\n{block.strip()}\n{end}{after}"


def update_document(path: Path, name: str, block: str) -> bool:
    """Replace the block ``name`` in ``path``, whole or not at all; return whether that changed it.

    Raises:
        InputError: the document cannot be read or lacks the markers.
    """
    try:
        # Line ends stay as they are: no translation.
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise InputError(f"读不了文档 {path}：{cause}。") from cause
    try:
        changed = replace_block(text, name, block)
    except InputError as cause:
        raise InputError(f"{path}：{cause}") from cause
    if changed == text:
        return False
    with atomic_path(path) as temporary:
        temporary.write_bytes(changed.encode("utf-8"))
    return True


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _share(measure: Measure | None) -> str:
    return _ABSENT if measure is None or measure.value is None else f"{measure.value:.3f}"


def _with_interval(measure: Measure | None) -> str:
    if measure is None or measure.value is None:
        return _ABSENT
    if measure.low is None or measure.high is None:
        return f"{measure.value:.3f}"
    return f"{measure.value:.3f}（{measure.low:.3f}–{measure.high:.3f}）"


def _seconds(measure: Measure | None) -> str:
    return _ABSENT if measure is None or measure.value is None else f"{measure.value / 1000:.2f}"
