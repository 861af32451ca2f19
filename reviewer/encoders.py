"""The encoder of the settings, trained on retrieving or not: one for queries, one that builds the index."""

from collections.abc import Callable
from pathlib import Path

from reviewer.errors import ModelCorruptError
from reviewer.folders import retriever_folder
from reviewer.index.encoder import Encoder, SentenceTransformerEncoder, read_prompts
from reviewer.models.resolve import ResolvedModel, resolve_model
from reviewer.models.retriever import read_retriever, retriever_files
from reviewer.retrieval import LlamaEncoder
from reviewer.settings import Settings

Notify = Callable[[str], None]


def encoder_identity(settings: Settings, model: ResolvedModel) -> str:
    """Return what names the vector space of ``model`` and the retriever, in whichever library they run.

    Raises:
        ModelError: the retriever is missing, damaged, or of another encoder.
    """
    name = f"{model.name.replace('/', '-')}-{model.sha256[:12]}"
    folder = _retriever(settings, model)
    return f"{name}-{read_retriever(folder).layers[:12]}" if folder else name


def query_encoder(settings: Settings, *, notify: Notify) -> Encoder:
    """Return the encoder of queries; that of the registry runs in llama.cpp.

    Raises:
        ModelError: encoder or retriever is missing or damaged, or they do not belong together.
        StorageError: the cache cannot be written.
    """
    model = resolve_model(settings.encoder, settings.home, kind="encoder", notify=notify)
    # One thread: a query is some forty tokens, and threads that wait for each other cost more.
    trained = _trained(settings, model, n_threads=1, notify=notify)
    if trained is not None:
        return trained
    if model.gguf is None or model.vocabulary is None:
        return SentenceTransformerEncoder(model.path, identity=encoder_identity(settings, model))
    return LlamaEncoder(
        model.gguf,
        model.vocabulary,
        identity=encoder_identity(settings, model),
        prompts=read_prompts(model.path),
        n_threads=1,
    )


def building_encoder(settings: Settings, *, n_threads: int, notify: Notify) -> Encoder:
    """Return the encoder of passages: the retriever in llama.cpp, else sentence-transformers (imports torch).

    Raises:
        ModelError: encoder or retriever is missing or damaged, or they do not belong together.
        StorageError: the cache cannot be written.
    """
    model = resolve_model(settings.encoder, settings.home, kind="encoder", notify=notify)
    trained = _trained(settings, model, n_threads=n_threads, notify=notify)
    return trained or SentenceTransformerEncoder(model.path, identity=encoder_identity(settings, model))


def close_encoder(encoder: Encoder) -> None:
    """Free the weights that do not free themselves."""
    if isinstance(encoder, LlamaEncoder):
        encoder.close()


def _trained(
    settings: Settings, model: ResolvedModel, *, n_threads: int, notify: Notify
) -> LlamaEncoder | None:
    folder = _retriever(settings, model)
    if folder is None:
        return None
    files = retriever_files(folder, settings.home, notify=notify)
    return LlamaEncoder(
        files.gguf,
        files.vocabulary,
        identity=encoder_identity(settings, model),
        prompts=read_prompts(model.path),
        n_threads=n_threads,
    )


def _retriever(settings: Settings, model: ResolvedModel) -> Path | None:
    """Return the folder of the retriever; the shipped one is left out beside another encoder than its own."""
    folder = retriever_folder(settings)
    if folder is None or (card := read_retriever(folder)).base == model.sha256:
        return folder
    if settings.retriever == "auto":
        return None
    raise ModelCorruptError(
        f"检索器 {folder} 是在另一个编码器（{card.base[:12]}）上训练的，不能配 {settings.encoder}；"
        "请改正 encoder 或 retriever，或把 retriever 设为 none。"
    )
