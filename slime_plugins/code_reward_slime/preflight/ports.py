"""Whether the ports that the run will listen on are free."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence

from code_reward_slime.preflight.row import Row, failed, ok


def check_ports(ports: Sequence[int]) -> Iterator[Row]:
    """One row for all, or one for each that is taken."""
    busy = [port for port in ports if not _is_free(port)]
    yield from (failed("ports", f"Port {port} is taken on this machine; stop what listens there, or name another.") for port in busy)
    if ports and not busy:
        yield ok("ports", f"free: {', '.join(map(str, ports))}")


def _is_free(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("", port))
        except OSError:
            return False
    return True
