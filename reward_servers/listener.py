"""Bringing an HTTP server of ours up: bind at once, say `ready URL` on stdout when it answers, end normally when told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn

from code_reward.errors import ConfigurationError


def bind(host: str, port: int) -> socket.socket:
    """A socket that is bound at once, so that a port in use is found before what is served is loaded, and listens later: until the
    server is ready its clients are refused. Raises `ConfigurationError`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        # For a port of the kernel's choice the option would allow one that another starting server has bound.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(port != 0))
        listener.bind(address)
    except OSError as error:
        raise ConfigurationError(f"Cannot listen on {host}:{port} ({error.strerror}); choose another --host or --port.") from error
    return listener


def _listen(bound: socket.socket) -> None:
    """Listen. Two servers that start together can bind one port, and only one of them can listen: raises `ConfigurationError`."""
    try:
        bound.listen()
    except OSError as error:
        host, port = bound.getsockname()[:2]
        raise ConfigurationError(f"Cannot listen on {host}:{port} ({error.strerror}); choose another --port.") from error


class Server(uvicorn.Server):
    """Says when it is ready, and ends normally when told to stop: uvicorn's own handler would raise the signal again."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        for bound in sockets or []:
            _listen(bound)
        await super().startup(sockets)
        for bound in sockets or []:
            host, port = bound.getsockname()[:2]
            print(f"ready http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
