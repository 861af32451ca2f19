"""Plots of a run as inline SVG: text stays text, colours are the page's, equal runs give equal bytes."""

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from reviewer.evaluation.metrics.calibration import CurvePoint
from reviewer.evaluation.metrics.citations import RuleRow

# Drawn in colours that nothing else has, then replaced: the page decides, for light and for dark.
_INK, _MUTED, _LINE, _MAIN, _RED = "#010203", "#020304", "#030405", "#040506", "#050607"
_VARIABLES = {_INK: "ink", _MUTED: "muted", _LINE: "line", _MAIN: "main", _RED: "red"}
# As wide as a phone, so that text keeps its size there.
_WIDTH_IN, _HEIGHT_IN = 4.4, 3.1
_ROW_IN = 0.19
_OPTIONS: Mapping[Any, object] = MappingProxyType(
    {
        "svg.fonttype": "none",
        "font.size": 9,
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.edgecolor": _MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": _LINE,
        "grid.linewidth": 0.6,
        "xtick.color": _MUTED,
        "ytick.color": _MUTED,
        "xtick.labelcolor": _INK,
        "ytick.labelcolor": _INK,
        "legend.frameon": False,
    }
)


def reliability_plot(every: Sequence[CurvePoint], contrast: Sequence[CurvePoint]) -> str:
    """Return probability against share of violations; ``contrast`` is of violations and near-misses.

    Returns:
        An ``<svg>`` element, empty without a point.
    """
    if not every and not contrast:
        return ""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_MUTED, linewidth=0.8, linestyle="--", label="完全校准")
        for points, colour, marker, label in (
            (every, _MAIN, "o", "全部规则"),
            (contrast, _RED, "s", "违规与近似违规"),
        ):
            if points:
                across, up = [point.x for point in points], [point.y for point in points]
                axes.plot(across, up, color=colour, marker=marker, markersize=3.5, linewidth=1.4, label=label)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="给出的概率", ylabel="实际违规比例")
        axes.legend(loc="upper left", fontsize=8)

    return _svg("reliability", draw)


def risk_coverage_plot(points: Sequence[CurvePoint]) -> str:
    """Return share of drafts kept against share of wrong flags among them; empty without a point."""
    if not points:
        return ""

    def draw(axes: Axes) -> None:
        across, up = [point.x for point in points], [point.y for point in points]
        axes.step(across, up, where="post", color=_MAIN, linewidth=1.4)
        axes.axhline(up[-1], color=_MUTED, linewidth=0.8, linestyle="--")
        axes.set(xlim=(0, 1), ylim=(0, max(0.05, *up) * 1.08), xlabel="保留的样本比例", ylabel="判错的比例")

    return _svg("risk-coverage", draw)


def rule_f1_plot(rows: Sequence[RuleRow], red: frozenset[str]) -> str:
    """Return a bar a labelled rule, best on top, red lines in red; empty without a labelled rule."""
    labelled = [row for row in rows if row.n_gold]
    if not labelled:
        return ""
    ranked = sorted(labelled, key=lambda row: (-(row.f1 or 0.0), row.rule))

    def draw(axes: Axes) -> None:
        for place, row in enumerate(ranked):
            colour = _RED if row.rule in red else _MAIN
            axes.barh(place, row.f1 or 0.0, height=0.66, color=colour)
            axes.text((row.f1 or 0.0) + 0.012, place, f"{row.f1 or 0.0:.2f}", va="center", fontsize=7)
        axes.set_yticks(range(len(ranked)), [f"{row.rule} ({row.n_gold})" for row in ranked], fontsize=7.5)
        axes.set(xlim=(0, 1.1), ylim=(len(ranked) - 0.4, -0.6), xlabel="F1")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)

    return _svg("rule-f1", draw, height_in=0.75 + _ROW_IN * max(4, len(ranked)))


def latency_plot(totals_ms: Sequence[float]) -> str:
    """Return the distribution of seconds a draft with p50 and p95 marked; empty without a time."""
    if not totals_ms:
        return ""
    seconds = np.asarray(totals_ms, dtype=np.float64) / 1000
    middle, slow = (float(each) for each in np.percentile(seconds, [50, 95]))

    def draw(axes: Axes) -> None:
        top = float(seconds.max()) or 1.0
        axes.hist(seconds, bins=min(40, max(8, len(seconds) // 8)), range=(0, top * 1.02), color=_MAIN)
        for value, colour, label in ((middle, _INK, "p50"), (slow, _RED, "p95")):
            text = f"{label} {value:.2f} 秒"
            axes.axvline(value, color=colour, linewidth=1.1, linestyle="--", label=text)
        axes.set(xlim=(0, top * 1.02), xlabel="每条草稿的秒数", ylabel="条数")
        axes.grid(visible=False, axis="x")
        axes.legend(loc="upper right", fontsize=8)

    return _svg("latency", draw)


def _svg(name: str, draw: Callable[[Axes], None], *, height_in: float = _HEIGHT_IN) -> str:
    """Return what ``draw`` draws as an ``<svg>`` element whose ids start with ``name``."""
    buffer = io.StringIO()
    # The salt makes the ids of clip paths and markers the same every time.
    with mpl.rc_context({**_OPTIONS, "svg.hashsalt": name}), warnings.catch_warnings():
        # The browser has a Chinese font; the one that measures text here need not have one.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return _inline(buffer.getvalue(), name)


def _inline(document: str, name: str) -> str:
    """Turn an SVG document into an element: no prologue, no size, own ids, the page's font and colours."""
    opening, rest = document[document.index("<svg") :].strip().split(">", 1)
    opening = re.sub(r' (?:xmlns(?::xlink)?|version|width|height)="[^"]*"', "", opening)
    text = f"{opening}>{rest}"
    # A rule for * would reach the whole page; the page has its own for plots.
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    return text.replace("<svg", '<svg class="plot" aria-hidden="true"', 1)
