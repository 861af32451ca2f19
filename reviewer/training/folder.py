"""The folder of one training: whose it is, and whether it is finished.

While a training runs it holds ``training.json`` and ``checkpoint.pt``; when it is finished, the
result, and no checkpoint.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from reviewer.classifier.files import CARD
from reviewer.errors import InputError
from reviewer.files import atomic_path, ensure_dir

CHECKPOINT, TRAINING = "checkpoint.pt", "training.json"

# What may differ between two trainings of a classifier, by the key of ``training.json``.
PARTS = {
    "recipe": "超参数或种子",
    "data": "训练数据",
    "encoder": "编码器",
    "start": "起点（--from）",
    "manual": "手册",
}


def claim(folder: Path, identity: Mapping[str, str], parts: Mapping[str, str] = PARTS) -> None:
    """Make ``folder`` that of the training ``identity``.

    Args:
        folder: Made if need be.
        identity: What two trainings must share to be one.
        parts: What each key of ``identity`` is called in Chinese, for the message.

    Raises:
        InputError: it holds another training, or something finished that no training here made.
        StorageError: it cannot be written.
    """
    ensure_dir(folder)
    path = folder / TRAINING
    if not path.is_file():
        if (folder / CARD).exists():
            raise InputError(f"{folder} 里已经有训练好的模型；请换一个 --out。")
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(identity, ensure_ascii=False, indent=1), encoding="utf-8")
        return
    stored = _read(path)
    different = [what for name, what in parts.items() if stored.get(name) != identity[name]]
    if different:
        raise InputError(
            f"{folder} 里是另一次训练（{'、'.join(different)}不同）；请换一个 --out，或先删除该目录。"
        )


def is_finished(folder: Path) -> bool:
    """Whether the training of ``folder`` has made its result; the card is written last."""
    return (folder / CARD).is_file()


def _read(path: Path) -> dict[str, str]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise InputError(f"{path} 已损坏；请换一个 --out，或先删除该目录。") from cause
    return stored if isinstance(stored, dict) else {}
