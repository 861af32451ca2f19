"""The process that reads one file: ``python -m reviewer.ingestion.worker PATH UNPACKED CHARACTERS MEMORY``.

Writes the document as JSON, or why there is none, to standard output.
"""

import resource
import sys
from pathlib import Path

from reviewer.errors import DocumentError
from reviewer.ingestion.isolation import EXTRACTED, READ, REFUSED
from reviewer.ingestion.limits import Limits
from reviewer.ingestion.readers.registry import read_document


def main(arguments: list[str]) -> int:
    """Read the file and return the exit code."""
    path, unpacked, characters, memory = arguments
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limits = Limits(unpacked_bytes=int(unpacked), characters=int(characters), memory_bytes=int(memory))
    try:
        document = read_document(Path(path).read_bytes(), path, limits)
    except DocumentError as error:
        sys.stdout.buffer.write(str(error).encode())
        return REFUSED
    sys.stdout.buffer.write(EXTRACTED.dump_json(document))
    return READ


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
