"""From settings to the language model, and to the one with an adapter that writes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reviewer.cores import usable_cores
from reviewer.engine.lazy import LazyEngine
from reviewer.engine.llama import LlamaConfig, LlamaEngine
from reviewer.errors import ModelMissingError
from reviewer.folders import rewriter_adapter_folder
from reviewer.models.adapter import read_adapter_card, verified_adapter
from reviewer.models.hashing import HashCache
from reviewer.models.resolve import resolve_model
from reviewer.progress import SILENT, Progress
from reviewer.prompting import load_rewriter_prompts
from reviewer.resources import resource_dir
from reviewer.rewriting import Rewriter
from reviewer.settings import Settings


def open_engine(settings: Settings, progress: Progress = SILENT) -> LlamaEngine:
    """Load the language model of the settings.

    Raises:
        ModelError: it is missing or damaged.
        EngineError: no memory for it.
    """
    return LlamaEngine(engine_config(settings, progress))


def lazy_engine(config: LlamaConfig, systems: Sequence[str], progress: Progress) -> LazyEngine:
    """Return the engine, to be loaded when it is first asked: ``systems`` on disk, the last one resident."""

    def load() -> LlamaEngine:
        engine = LlamaEngine(config)
        try:
            for system in dict.fromkeys(systems):
                if not engine.has_prefix(system):
                    progress.note("首次使用：把提示（含手册）读入模型并存盘，最多约半分钟…")
                engine.warm(system)
        except BaseException:
            engine.close()
            raise
        return engine

    return LazyEngine(config.identity, load)


def engine_config(settings: Settings, progress: Progress) -> LlamaConfig:
    """Return what the engine of the settings is loaded from; the model is assembled if need be.

    Raises:
        ModelError: model or adapter are missing or damaged.
    """
    adapter = adapter_path(settings)
    model = resolve_model(
        settings.model,
        settings.home,
        progress=lambda done, total: progress.bytes_done(f"组装 {settings.model}", done, total),
    )
    return LlamaConfig(
        model=model.path,
        model_hash=model.sha256,
        adapter=adapter,
        adapter_hash=HashCache(settings.home).file(adapter) if adapter else "",
        cache=settings.home / "prefixes",
        n_ctx=settings.context_tokens,
        n_threads=settings.threads or usable_cores(),
    )


def trained_rewriter(settings: Settings, config: LlamaConfig, progress: Progress) -> Rewriter | None:
    """Return the rewriter with an adapter of its own, None when there is none for this model.

    It has an engine of its own, over the same mapped weights: its prompts are other ones, and what it
    learned must not touch a grade.

    Raises:
        ModelError: the adapter is missing or damaged, or was trained on another model or prompts.
    """
    folder = rewriter_adapter_folder(settings)
    if folder is None:
        return None
    card = read_adapter_card(folder)
    if settings.rewriter_adapter == "auto" and card.base != config.model_hash:
        return None
    prompts = load_rewriter_prompts(resource_dir("prompts"))
    adapter = verified_adapter(
        folder, card, settings.home, base=config.model_hash, prompts=prompts.content_hash
    )
    own = replace(config, adapter=adapter, adapter_hash=card.adapter)
    engine = lazy_engine(own, [prompts.system(())], progress)
    return Rewriter(engine, prompts, settings.max_rewrite_tokens)


def adapter_path(settings: Settings) -> Path | None:
    """Return the LoRA file of the settings; none is shipped yet, so ``auto`` means none."""
    if settings.adapter in ("auto", "none"):
        return None
    path = Path(settings.adapter)
    if not path.is_file():
        raise ModelMissingError(f"没有适配器文件 {path}；请改正 adapter，或设为 none。")
    return path
