"""``reviewer eval``: how good the reviewer is, on labelled examples."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.options import Adapter, Classifier, Corpus, Encoder, Home, Model, Retriever, Threads
from reviewer.cli.packages import require_packages

if TYPE_CHECKING:
    from collections.abc import Callable

    from reviewer.evaluation.examples import Example
    from reviewer.evaluation.gate import Floors
    from reviewer.evaluation.records import Run
    from reviewer.progress import Progress
    from reviewer.settings import Settings

app = typer.Typer(help="评测：验证标注、运行、报告、对比。", no_args_is_help=True, rich_markup_mode=None)

FAILED = 1
# What the figures are computed and drawn with: module and package of the extra ``eval``.
_PACKAGES = {
    "sklearn": "scikit-learn",
    "statsmodels": "statsmodels",
    "matplotlib": "matplotlib",
}

# How far a recorded measure may drop: within the noise of a few hundred examples.
_MARGIN = 0.05

SetOption = Annotated[
    str | None,
    typer.Option("--set", help="数据集：train、dev、test、smoke、redteam、stability、mutation、conflict。"),
]
DataOption = Annotated[list[Path] | None, typer.Option("--data", help="任意标注文件（JSONL），可多次给出。")]
RewriteOption = Annotated[bool, typer.Option("--rewrite/--no-rewrite", help="同时评测改写（每条多花数秒）。")]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="只用前 N 条；0 表示全部。")]


@app.command("run")
def run(
    name: SetOption = None,
    data: DataOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="结果目录；中断后用同一目录继续。默认按内容命名。")
    ] = None,
    system: Annotated[str, typer.Option("--system", help="被评测的系统或基线。")] = "reviewer",
    rewrite: RewriteOption = False,
    limit: LimitOption = 0,
    floors: Annotated[
        Path | None,
        typer.Option("--floors", help="下限文件：低于下限则退出码为 1；审核器在 smoke 集上默认检查。"),
    ] = None,
    record_floors: Annotated[
        bool, typer.Option("--record-floors", help="把这次的结果记为下限，写入 --floors。")
    ] = False,
    model: Model = None,
    adapter: Adapter = None,
    classifier: Classifier = None,
    retriever: Retriever = None,
    encoder: Encoder = None,
    corpus: Corpus = None,
    threads: Threads = None,
    home: Home = None,
) -> None:
    """在标注样本上运行，逐条记录，可续跑。"""
    from reviewer.settings import load_settings

    _need_packages()
    overrides = {
        "model": model,
        "adapter": adapter,
        "classifier": classifier,
        "retriever": retriever,
        "encoder": encoder,
        "corpus": corpus,
        "threads": threads,
        "home": home,
    }
    settings = load_settings(overrides, cwd=Path.cwd()).settings
    label, examples = _examples(name, data, limit)
    floors, required = _floors(floors, name, system, record=record_floors)
    result = _run(system, settings, examples, label, out, rewrite=rewrite)
    _print_summary(result)
    if required is not None:
        _hold(result, required)
    elif floors is not None:
        from reviewer.evaluation.gate import record, write_floors

        write_floors(floors, record(result, _MARGIN))
        typer.echo(f"已把下限写入 {floors}。")


@app.command("report")
def report(
    folder: Annotated[Path, typer.Argument(help="eval run 的结果目录。")],
) -> None:
    """写出一个自足的 HTML 报告和 metrics.json。"""
    _need_packages()
    from reviewer.evaluation.records import read_run
    from reviewer.evaluation.report.html import write_report

    typer.echo(f"报告：{write_report(read_run(folder), folder)}")


@app.command("compare")
def compare(
    a: Annotated[Path, typer.Argument(help="结果目录 A。")],
    b: Annotated[Path, typer.Argument(help="结果目录 B。")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="另写一份 HTML。")] = None,
) -> None:
    """成对比较两次运行：显著性、逐条规则的得失、翻转的样本。"""
    _need_packages()
    from reviewer.evaluation.compare import compare as compare_runs
    from reviewer.evaluation.compare import render_text
    from reviewer.evaluation.records import read_run
    from reviewer.evaluation.report.html import write_comparison

    comparison = compare_runs(read_run(a), read_run(b))
    typer.echo(render_text(comparison))
    if out is not None:
        typer.echo(f"对比页：{write_comparison(comparison, out)}")


@app.command("validate")
def validate(
    files: Annotated[list[Path] | None, typer.Argument(help="标注文件；不给则检查 eval/data 全部。")] = None,
    corpus: Corpus = None,
) -> None:
    """检查标注文件，并列出覆盖情况。"""
    from reviewer.evaluation.sets import data_folder
    from reviewer.evaluation.validation import validate as validate_files
    from reviewer.folders import corpus_folder
    from reviewer.manual.catalogue import load_catalogue
    from reviewer.settings import load_settings

    settings = load_settings({"corpus": corpus}, cwd=Path.cwd()).settings
    paths = files or sorted(data_folder(Path.cwd()).glob("*/*.jsonl"))
    result = validate_files(paths, load_catalogue(corpus_folder(settings)))
    for fault in result.faults:
        typer.echo(str(fault))
    typer.echo(result.coverage.to_text())
    typer.echo(f"{len(paths)} 个文件，{len(result.faults)} 处错误。")
    if result.faults:
        raise typer.Exit(FAILED)


@app.command("table")
def table(
    into: Annotated[Path, typer.Option("--into", help="要更新的 Markdown 文件。")],
    name: SetOption = "dev",
    systems: Annotated[list[str] | None, typer.Option("--system", help="系统或基线，可多次给出。")] = None,
    block: Annotated[str, typer.Option("--block", help="文件中标记的名字。")] = "baselines",
    home: Home = None,
) -> None:
    """运行各基线（已有结果不重跑），把对比表写进文件。"""
    _need_packages()
    from reviewer.evaluation.assembly import SYSTEMS
    from reviewer.evaluation.table import markdown_table, update_document
    from reviewer.settings import load_settings

    settings = load_settings({"home": home}, cwd=Path.cwd()).settings
    label, examples = _examples(name, None, 0)
    runs = [
        _run(system, settings, examples, label, None, rewrite=False) for system in systems or list(SYSTEMS)
    ]
    changed = update_document(into, block, markdown_table(runs))
    typer.echo(f"{into} {'已更新' if changed else '没有变化'}。")


@app.command("import")
def import_labels(
    table: Annotated[Path, typer.Argument(help="CSV 或 JSONL：别人的标注。")],
    mapping: Annotated[Path, typer.Option("--mapping", help="YAML：列到字段、标签到规则。")],
    out: Annotated[Path, typer.Option("--out", "-o", help="写到这个 JSONL。")],
    corpus: Corpus = None,
) -> None:
    """把别人的标注换成本项目的格式。"""
    from reviewer.evaluation.mapping import import_labels as convert
    from reviewer.evaluation.mapping import write_examples
    from reviewer.folders import corpus_folder
    from reviewer.manual.catalogue import load_catalogue
    from reviewer.settings import load_settings

    settings = load_settings({"corpus": corpus}, cwd=Path.cwd()).settings
    examples = convert(table, mapping, load_catalogue(corpus_folder(settings)))
    write_examples(out, examples)
    typer.echo(f"已写出 {len(examples)} 条：{out}")


@app.command("agreement")
def agreement(
    a: Annotated[Path, typer.Argument(help="甲的标注文件。")],
    b: Annotated[Path, typer.Argument(help="乙的标注文件。")],
) -> None:
    """两位标注者的一致性：总体和逐条规则的 kappa。"""
    _need_packages()
    from reviewer.evaluation.agreement import agreement as agree
    from reviewer.evaluation.examples import read_examples

    typer.echo(agree(read_examples(a), read_examples(b)).to_text())


def _need_packages() -> None:
    require_packages(_PACKAGES, work="评测", remedy="请在仓库目录里运行 pip install '.[eval]'")


def _examples(name: str | None, data: list[Path] | None, limit: int) -> tuple[str, "list[Example]"]:
    from reviewer.errors import InputError
    from reviewer.evaluation.sets import data_folder, read_files, read_set

    if bool(name) == bool(data):
        raise InputError("请在 --set 和 --data 中给出一个。")
    examples = read_files(data) if data else read_set(str(name), data_folder(Path.cwd()))
    label = "+".join(path.stem for path in data) if data else str(name)
    return label, examples[: limit or None]


def _run(
    system: str,
    settings: "Settings",
    examples: "list[Example]",
    label: str,
    out: Path | None,
    *,
    rewrite: bool,
) -> "Run":
    from contextlib import closing

    from reviewer.cli.progress import shown_progress
    from reviewer.evaluation.assembly import open_system
    from reviewer.evaluation.runner import default_folder
    from reviewer.evaluation.runner import run as run_examples
    from reviewer.evaluation.sets import data_folder, second_reader
    from reviewer.folders import corpus_folder
    from reviewer.manual.catalogue import load_catalogue

    catalogue = load_catalogue(corpus_folder(settings))
    options = {"rewrite": str(rewrite).lower(), "threads": str(settings.threads)}
    if settings.public_numbers:
        options["public_numbers"] = ",".join(settings.public_numbers)
    if rewrite:
        options["max_rewrite_tokens"] = str(settings.max_rewrite_tokens)
    with shown_progress(logged=True) as progress:
        opened = open_system(
            system, settings, lambda: data_folder(Path.cwd()), rewrite=rewrite, progress=progress
        )
        with closing(opened):
            folder = out or default_folder(Path.cwd(), opened, examples, label, options)
            return run_examples(
                opened,
                examples,
                folder,
                catalogue,
                data=label,
                options=options,
                second_reader=second_reader(examples, Path.cwd()),
                on_done=_counter(progress, f"{label} / {system}"),
            )


def _counter(progress: "Progress", what: str) -> "Callable[[int, int], None]":
    return lambda done, total: progress.bytes_done(what, done, total)


def _print_summary(result: "Run") -> None:
    from reviewer.evaluation.metrics.measure import LABELS, SECOND_READER_LABELS
    from reviewer.evaluation.metrics.summary import summarise

    summary = summarise(result)
    typer.echo(f"{summary.system}，{summary.data}，{summary.n_records} 条；记录在 {result.folder}")
    for measure in summary.measures:
        if measure.value is not None:
            bounds = "" if measure.low is None else f"  [{measure.low:.3f}, {measure.high:.3f}]"
            typer.echo(f"  {LABELS[measure.name]}：{measure.value:.3f}{bounds}  n={measure.n}")
    for key, value in result.manifest.second_reader.items():
        typer.echo(f"  第二读者与标注的一致（{SECOND_READER_LABELS[key]}）：{value:.3f}")


def _floors(
    path: Path | None, name: str | None, system: str, *, record: bool
) -> "tuple[Path | None, Floors | None]":
    """Return the floors file and, unless it is to be written, what it holds: a fault shows before the run."""
    from reviewer.errors import InputError
    from reviewer.evaluation.gate import read_floors
    from reviewer.evaluation.sets import SMOKE, data_folder

    if path is None and name == SMOKE and system == "reviewer":
        path = data_folder(Path.cwd()).parent / "floors.json"
    if record and path is None:
        raise InputError("--record-floors 要和 --floors 一起用：请给出下限文件。")
    return path, None if record or path is None else read_floors(path)


def _hold(result: "Run", floors: "Floors") -> None:
    from reviewer.evaluation.gate import check, render_text

    verdict = check(result, floors)
    typer.echo(render_text(verdict), nl=False)
    if not verdict.passed:
        raise typer.Exit(FAILED)
