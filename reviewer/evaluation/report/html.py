"""Renders the pages and puts them into a folder."""

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from reviewer.evaluation.compare import VERDICT_LABELS, Comparison, conclusion
from reviewer.evaluation.metrics.counts import red_rules
from reviewer.evaluation.metrics.groups import KINDS
from reviewer.evaluation.metrics.latency import TOTAL
from reviewer.evaluation.metrics.summary import Summary, summarise
from reviewer.evaluation.records import Run
from reviewer.evaluation.report import plots, views
from reviewer.files import atomic_path

REPORT, METRICS = "report.html", "metrics.json"
COMPARISON, DIFFERENCES = "compare.html", "compare.json"
_PARTS = ("industry", "author", "manner")


def render_report(run: Run, summary: Summary) -> str:
    """Return the report of ``run`` as one HTML document: no script, nothing loaded from elsewhere."""
    return _render(
        "report.html.jinja",
        run=run,
        n_expected=run.manifest.n_examples,
        headline=views.headline(summary),
        sections=views.sections(summary.measures),
        plots=_plots(run, summary),
        rules=views.rule_views(run, summary),
        groups=views.group_tables(summary, {kind: KINDS[kind] for kind in _PARTS}),
        robustness=views.group_tables(
            summary, {kind: title for kind, title in KINDS.items() if kind not in _PARTS}
        ),
        stages=summary.stages,
        wrong=views.wrong_examples(run),
        provenance=views.provenance(run),
    )


def write_report(run: Run, folder: Path) -> Path:
    """Write ``report.html`` and ``metrics.json`` into ``folder``, each whole or not at all.

    Cost: about 2 s for 520 drafts.

    Returns:
        The HTML file.

    Raises:
        StorageError: the folder cannot be written.
    """
    summary = summarise(run)
    _write(folder / METRICS, summary.to_json())
    return _write(folder / REPORT, render_report(run, summary))


def render_comparison(comparison: Comparison) -> str:
    """Return the comparison as one HTML document like the report."""
    return _render(
        "compare.html.jinja",
        comparison=comparison,
        conclusion=conclusion(comparison),
        flips=[
            (heading, [flip for flip in comparison.flips if flip.change == change])
            for change, heading in (("worse", "变差的样本"), ("better", "变好的样本"))
        ],
        verdicts=VERDICT_LABELS,
    )


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write ``compare.html`` and ``compare.json`` into ``folder``; return the HTML file.

    Raises:
        StorageError: the folder cannot be written.
    """
    _write(folder / DIFFERENCES, comparison.to_json())
    return _write(folder / COMPARISON, render_comparison(comparison))


def _plots(run: Run, summary: Summary) -> list[tuple[str, str, Markup]]:
    """Return title, explanation and SVG of each plot that has data."""
    curves, red = summary.curves, red_rules(run.manifest.rules)
    totals = [
        record.outcome.timing_ms[TOTAL]
        for record in run.records
        if TOTAL in record.outcome.timing_ms and not record.outcome.error
    ]
    drawn = [
        (
            "校准",
            "越贴近对角线，概率越可信；每个点的判断条数相近。",
            plots.reliability_plot(curves.reliability, curves.reliability_contrast),
        ),
        (
            "风险与覆盖",
            "只保留最有把握的一部分时，是否报警判错的比例；虚线是全部保留时的比例。",
            plots.risk_coverage_plot(curves.risk_coverage),
        ),
        ("耗时", "每条草稿从请求到结果的时间。", plots.latency_plot(totals)),
        (
            "各规则 F1",
            "括号内是标注条数，条数少的规则波动大；红色为红线。",
            plots.rule_f1_plot(summary.rules, red),
        ),
    ]
    # The SVG is made here, from numbers and rule ids; everything else on the page is escaped.
    return [(title, text, Markup(svg)) for title, text, svg in drawn if svg]


def _render(template: str, **context: Any) -> str:  # noqa: ANN401
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(absent=views.ABSENT, **context)


def _write(path: Path, text: str) -> Path:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return path
