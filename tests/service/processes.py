"""A service in a process of its own, and a client of it."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.service.fakes import wait_for


@contextmanager
def served_by_a_process(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    """Yield the process and a client when it is ready; the process is killed at the end."""
    address = folder / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()
        command = [sys.executable, "-m", "tests.service.victim", str(folder), str(listener.fileno())]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
        transport = httpx2.HTTPTransport(uds=str(address))
        with httpx2.Client(transport=transport, base_url="http://localhost", timeout=20) as client:
            try:
                wait_for(lambda: client.get("/readyz").status_code == 200)
                yield process, client
            finally:
                process.kill()
                process.wait()
