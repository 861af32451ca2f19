"""Fit the combiner of ``prompts/calibration.json`` on labelled examples and print how good it is.

    python eval/calibrate.py collect --out eval/runs/evidence.jsonl [--ask --model qwen2.5-coder-0.5b]
    python eval/calibrate.py fit eval/runs/evidence.jsonl [--write] [--any-manual]

``collect`` keeps what classifier and retriever know of every applicable rule of every example, and
with ``--ask`` the language model's answers too, one line an example; killed, it goes on where it
stopped. ``fit`` prints cross-validated figures,
the folds being author files, and with ``--write`` puts the combiner fitted on all of them in place;
with ``--any-manual`` the one for rules of other manuals that are the same as ours, from the classifier
alone: how well the index of another manual retrieves is not known.
"""

import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import typer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from reviewer.bootstrap import Reviewer
from reviewer.checks import run_checks
from reviewer.classifier import RuleScore
from reviewer.clauses import split_clauses
from reviewer.deadline import Deadline
from reviewer.evaluation.examples import Example, read_examples
from reviewer.files import atomic_path, drop_torn_line
from reviewer.folders import corpus_folder
from reviewer.grading import Calibration, Grader
from reviewer.grading.candidates import resident_rules
from reviewer.manual.catalogue import load_catalogue
from reviewer.prompting.book import MAX_CLAUSES
from reviewer.request import conversation_of
from reviewer.resources import resource_dir
from reviewer.retrieval import IndexRetriever
from reviewer.settings import load_settings
from reviewer.wiring import CALIBRATION_FILE

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
DEV = Path(__file__).parent / "data" / "dev"
FEATURES = ("logit", "dense", "bm25", "classifier")
EVIDENCE: dict[str, tuple[int, ...]] = {
    "rule alone": (),
    "logit": (0,),
    "retrieval": (1, 2),
    "classifier": (3,),
    "classifier+retr.": (1, 2, 3),
    "all": (0, 1, 2, 3),
}
REGULARISATION = 1.0
SPECIFICITY = 0.92
RED_PRECISION = 0.75

Vector = npt.NDArray[np.float64]


@app.command()
def collect(
    out: Annotated[Path, typer.Option(help="JSONL to append to.")],
    model: Annotated[str, typer.Option(help="Registered name or GGUF path.")] = "qwen2.5-coder-0.5b",
    limit: Annotated[int, typer.Option(help="Examples a file, after a fixed shuffle; 0 means all.")] = 0,
    data: Annotated[Path, typer.Option(help="Folder of labelled JSONL files.")] = DEV,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the language model too (seconds an example).")
    ] = False,
    classifier: Annotated[str, typer.Option(help="auto, none or a folder.")] = "auto",
) -> None:
    """Keep the evidence of every example."""
    out.parent.mkdir(parents=True, exist_ok=True)
    done = _finished(out)
    settings = load_settings({"model": model, "classifier": classifier}, cwd=Path.cwd()).settings
    with Reviewer.from_settings(settings) as reviewer, out.open("a", encoding="utf-8") as sink:
        if any(conditions != _conditions(reviewer, ask=ask) for conditions in done.values()):
            raise typer.BadParameter(f"{out} holds the evidence of other models or another manual")
        for example in _examples(data, limit):
            if example.id in done:
                continue
            record = {"id": example.id, "author": example.author, **_evidence(reviewer, example, ask=ask)}
            sink.write(json.dumps(record, ensure_ascii=False) + "\n")
            sink.flush()


def _finished(out: Path) -> dict[str, dict[str, str]]:
    """Return the conditions of what is collected, by id, dropping a last line that a kill cut short."""
    if not out.exists():
        return {}
    drop_torn_line(out)
    rows = [json.loads(line) for line in out.open(encoding="utf-8")]
    return {row["id"]: row["conditions"] for row in rows}


def _examples(data: Path, limit: int) -> Iterator[Example]:
    rows: list[tuple[int, Example]] = []
    for path in sorted(data.glob("*.jsonl")):
        examples = read_examples(path)
        random.Random(0).shuffle(examples)
        rows += enumerate(examples[: limit or None])
    for _, example in sorted(rows, key=lambda row: row[0]):
        yield example


def _evidence(reviewer: Reviewer, example: Example, *, ask: bool) -> dict[str, Any]:
    pipeline = reviewer.pipeline
    conversation = conversation_of(example.request())
    clauses = split_clauses(conversation.draft, limit=MAX_CLAUSES)
    rules = pipeline.catalogue.applicable(conversation)
    relevance = pipeline.retriever.relevance(conversation)
    scores: Mapping[str, RuleScore] = {}
    if pipeline.classifier:
        scores = pipeline.classifier.scores(conversation, clauses, deadline=Deadline())
    logits: dict[str, float | None] = {}
    if ask:
        prompt = pipeline.prompts.prompt(conversation, clauses, resident_rules(pipeline.catalogue.rules))
        asking = Grader(reviewer.engine, pipeline.prompts, Calibration())
        grading = asking.grade(prompt, rules, resident=rules, evidence={}, hit=False, deadline=Deadline())
        logits = {grade.rule_id: grade.logit for grade in grading.grades}
    return {
        "conditions": _conditions(reviewer, ask=ask),
        "gold": sorted({violation.rule for violation in example.violations}),
        "disputed": example.disputed,
        "hits": sorted({hit.rule_id for hit in run_checks(conversation, pipeline.checks)}),
        "rules": {
            rule.id: [
                round(logits.get(rule.id) or 0.0, 4),
                round(relevance[rule.id].dense, 5),
                round(relevance[rule.id].bm25, 4),
                round(scores[rule.id].logit, 4) if rule.id in scores else 0.0,
            ]
            for rule in rules
        },
    }


def _conditions(reviewer: Reviewer, *, ask: bool) -> dict[str, str]:
    pipeline = reviewer.pipeline
    assert isinstance(pipeline.retriever, IndexRetriever)
    return {
        "model": reviewer.engine.identity.model if ask else "",
        "adapter": reviewer.engine.identity.adapter,
        "prompts": pipeline.versions.prompts if ask else "",
        "manual": pipeline.versions.manual,
        "encoder": pipeline.retriever.encoder.identity,
        "classifier": pipeline.versions.classifier,
    }


@dataclass(frozen=True, slots=True)
class _Table:
    """One row a (draft, rule): features [n, 4], labels, rule and author indices, check hits, red or not."""

    features: Vector
    labels: npt.NDArray[np.bool_]
    rules: npt.NDArray[np.int64]
    authors: npt.NDArray[np.int64]
    drafts: npt.NDArray[np.int64]
    hits: npt.NDArray[np.bool_]
    red: npt.NDArray[np.bool_]
    names: tuple[str, ...]

    def rows(self, chosen: npt.NDArray[np.bool_]) -> "_Table":
        """Return the table of some of the rows."""
        kept = {field.name: getattr(self, field.name) for field in fields(self)}
        return _Table(**{name: value if name == "names" else value[chosen] for name, value in kept.items()})


class _Thresholds(NamedTuple):
    """From which probability on a rule counts as violated, and from which on a draft is suspect."""

    red: float
    other: float
    draft: float


def _table(records: Sequence[dict[str, Any]]) -> _Table:
    folder = corpus_folder(load_settings({}, cwd=Path.cwd()).settings)
    severities = {rule.id: rule.severity for rule in load_catalogue(folder).rules}
    names = tuple(sorted({rule for record in records for rule in record["rules"]}))
    authors = sorted({record["author"] for record in records})
    rows = [
        (
            evidence,
            rule in record["gold"],
            names.index(rule),
            authors.index(record["author"]),
            draft,
            rule in record["hits"],
        )
        for draft, record in enumerate(records)
        for rule, evidence in record["rules"].items()
        if rule not in record["disputed"]
    ]
    columns = list(zip(*rows, strict=True))
    return _Table(
        np.array(columns[0], dtype=float),
        np.array(columns[1]),
        np.array(columns[2]),
        np.array(columns[3]),
        np.array(columns[4]),
        np.array(columns[5]),
        np.array([severities[names[row]] == "red" for row in columns[2]]),
        names,
    )


@dataclass(frozen=True, slots=True)
class _Combiner:
    """A logistic model in the units of the raw features."""

    weights: Vector
    intercept: float
    rule_intercepts: Vector

    def probability(self, table: _Table) -> Vector:
        total = table.features @ self.weights + self.intercept + self.rule_intercepts[table.rules]
        return np.asarray(1 / (1 + np.exp(-total)))


def _fit(table: _Table, rows: npt.NDArray[np.bool_], columns: Sequence[int]) -> _Combiner:
    """Fit on ``rows``; features outside ``columns`` get no weight."""
    mean, spread = table.features[rows].mean(0), table.features[rows].std(0) + 1e-9
    scaled = (table.features - mean) / spread
    one_hot = np.eye(len(table.names))[table.rules]
    design = np.hstack([scaled[:, list(columns)], one_hot])
    model = LogisticRegression(C=REGULARISATION, max_iter=2000)
    model.fit(design[rows], table.labels[rows])
    weights = np.zeros(table.features.shape[1])
    weights[list(columns)] = model.coef_[0][: len(columns)] / spread[list(columns)]
    intercept = float(model.intercept_[0] - weights @ mean)
    return _Combiner(weights, intercept, model.coef_[0][len(columns) :])


def _held_out(table: _Table, columns: Sequence[int]) -> Vector:
    """Return for every row the probability by a combiner that did not see its author."""
    probability = np.zeros(len(table.labels))
    for author in np.unique(table.authors):
        rows = table.authors == author
        probability[rows] = _fit(table, ~rows, columns).probability(table)[rows]
    return probability


@dataclass(frozen=True, slots=True)
class _Score:
    f1: float
    precision: float
    recall: float
    flag_recall: float
    specificity: float


def _score(table: _Table, found: npt.NDArray[np.bool_]) -> _Score:
    true = int((found & table.labels).sum())
    wrong, missed = int((found & ~table.labels).sum()), int((~found & table.labels).sum())
    size = int(table.drafts.max()) + 1
    bad, flagged = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    np.logical_or.at(bad, table.drafts, table.labels)
    np.logical_or.at(flagged, table.drafts, found)
    return _Score(
        f1=2 * true / max(1, 2 * true + wrong + missed),
        precision=true / max(1, true + wrong),
        recall=true / max(1, true + missed),
        flag_recall=float((bad & flagged).sum() / max(1, bad.sum())),
        specificity=float((~bad & ~flagged).sum() / max(1, (~bad).sum())),
    )


def _best_thresholds(table: _Table, probability: Vector) -> _Thresholds:
    """Return the thresholds of red rules, of all others and of suspicion; checks count as found.

    A missed red line costs more than anything, a wrong block a little less: red takes the best recall
    that keeps ``RED_PRECISION``. A clean draft flagged costs a chat team every time: suspicion finds as
    many bad drafts as ``SPECIFICITY`` allows. Then the rest take the best rule F1.
    """
    grid = [round(float(t), 3) for t in np.linspace(0.05, 0.98, 94)]
    reds = table.rows(table.red)
    at_red = {t: _score(reds, (probability[table.red] >= t) | reds.hits) for t in grid}
    precise = [t for t in grid if at_red[t].precision >= RED_PRECISION] or grid[-1:]
    red = max(precise, key=lambda t: (at_red[t].recall, t))

    def score(other: float, draft: float) -> _Score:
        return _score(table, _found(table, probability, _Thresholds(red, other, draft)))

    specific = [t for t in grid if score(red, t).specificity >= SPECIFICITY] or grid[-1:]
    draft = min(specific)
    return _Thresholds(red, max(grid, key=lambda t: score(t, draft).f1), draft)


def _found(table: _Table, probability: Vector, thresholds: _Thresholds) -> npt.NDArray[np.bool_]:
    """Decide as ``Calibration.violated`` does, for all drafts at once."""
    # Ten times as fast, and the search for thresholds asks some two hundred times; a test compares the two.
    size = int(table.drafts.max()) + 1
    kept, found_any, best = np.ones(size), np.zeros(size, dtype=bool), np.zeros(size)
    np.multiply.at(kept, table.drafts, 1 - probability)
    np.maximum.at(best, table.drafts, probability)
    suspect = 1 - kept >= thresholds.draft
    limits = np.where(table.red, thresholds.red, thresholds.other)
    found = table.hits | (probability >= limits) & suspect[table.drafts]
    np.logical_or.at(found_any, table.drafts, found)
    likeliest = probability == best[table.drafts]
    return np.asarray(found | likeliest & (suspect & ~found_any)[table.drafts])


@app.command()
def fit(
    records: Annotated[Path, typer.Argument(help="What collect wrote.")],
    write: Annotated[bool, typer.Option("--write", help="Put the combiner into prompts/.")] = False,
    any_manual: Annotated[
        bool, typer.Option("--any-manual", help="Store what the classifier alone is worth.")
    ] = False,
) -> None:
    """Print cross-validated figures; with --write, fit on everything and store it."""
    rows = [json.loads(line) for line in records.open(encoding="utf-8")]
    if len({json.dumps(row["conditions"], sort_keys=True) for row in rows}) != 1:
        raise typer.BadParameter("the records come from different models, prompts or manuals")
    table = _table(rows)
    print(f"{len(rows)} examples, {table.labels.sum()} violations, {len(table.labels)} pairs")
    print("held-out probabilities; thresholds are chosen on the same rows, so the figures are a little high")
    print("evidence           AUC    red/other/draft  rule F1 (P/R)       flag recall/spec   red rec./prec.")
    for label, columns in EVIDENCE.items():
        if not all(np.ptp(table.features[:, column]) for column in columns):
            continue
        probability = _held_out(table, columns)
        thresholds = _best_thresholds(table, probability)
        found = _found(table, probability, thresholds)
        area = f"{roc_auc_score(table.labels, probability):.3f}"
        print(f"{label:18} {area}  {'/'.join(f'{t:.2f}' for t in thresholds)}   {_line(table, found)}")
    print(f"{'checks alone':18} {'':5}  {'':14}   {_line(table, table.hits)}")
    if write:
        conditions = rows[0]["conditions"]
        if any_manual:
            conditions |= dict.fromkeys(("model", "prompts", "manual", "encoder"), "")
        _write(table, conditions, EVIDENCE["classifier"] if any_manual else EVIDENCE["all"], records.name)


def _line(table: _Table, found: npt.NDArray[np.bool_]) -> str:
    score, red = _score(table, found), _score(table.rows(table.red), found[table.red])
    return (
        f"{score.f1:.3f} ({score.precision:.2f}/{score.recall:.2f})   "
        f"{score.flag_recall:.2f}/{score.specificity:.2f}          {red.recall:.2f}/{red.precision:.2f}"
    )


def _write(table: _Table, conditions: dict[str, str], allowed: Sequence[int], name: str) -> None:
    """Fit on everything and store it; evidence that points the wrong way or is absent gets no weight."""
    everything = np.ones(len(table.labels), dtype=bool)
    columns = [column for column in allowed if np.ptp(table.features[:, column])]
    weights = _fit(table, everything, columns).weights
    columns = [column for column in columns if weights[column] > 0]
    combiner = _fit(table, everything, columns)
    thresholds = _best_thresholds(table, _held_out(table, columns))
    checks = _score(table, table.hits)
    entry = {
        "conditions": conditions,
        "fitted_on": f"eval/data/dev, {int(table.drafts.max()) + 1} examples ({name})",
        "thresholds": thresholds._asdict(),
        "check_probability": round(min(checks.precision, 0.99), 3),
        "weights": {key: round(float(w), 6) for key, w in zip(FEATURES, combiner.weights, strict=True)},
        "intercept": round(combiner.intercept, 6),
        "rule_intercepts": {
            rule: round(float(value), 6)
            for rule, value in zip(table.names, combiner.rule_intercepts, strict=True)
        },
    }
    path = resource_dir("prompts") / CALIBRATION_FILE
    kept = json.loads(path.read_text(encoding="utf-8"))["fitted"] if path.exists() else []
    kept = [
        old
        for old in kept
        if any(
            old["conditions"].get(key) != conditions[key]
            for key in ("model", "adapter", "manual", "encoder", "classifier")
        )
    ]
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"fitted": [*kept, entry]}, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path.name}", file=sys.stderr)


if __name__ == "__main__":
    app()
