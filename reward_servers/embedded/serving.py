"""Bring a reward model up as a server process: bind, load, check against the reference scores, serve, stop cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn
from tokenizers import Tokenizer

from code_reward.errors import ConfigurationError
from code_reward.reference import Reference, require_equal
from reward_servers.batching import Batcher
from reward_servers.embedded.app import Service, build_app
from reward_servers.embedded.metrics import Metrics

if TYPE_CHECKING:
    from reward_servers.embedded.__main__ import EmbeddedServer


def serve(settings: EmbeddedServer) -> None:
    """Serve until SIGTERM or SIGINT; raises `ConfigurationError` or `RewardServerError` if it cannot start."""
    with bind(settings.host, settings.port) as listener:
        answer(listener, load(settings), settings.model.name)


def answer(listener: socket.socket, service: Service, name: str) -> None:
    """Answer requests to `listener` until told to stop."""
    app = build_app(service, name)
    server = _Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=10))
    asyncio.run(server.serve([listener]))
    service.batcher.close()


def load(settings: EmbeddedServer) -> Service:
    """The model of `settings`, checked against its reference scores."""
    folder = settings.model
    if not (folder / "code_reward.json").is_file():
        raise ConfigurationError(f"{folder} is no folder with a code_reward.json; give a reward model checkpoint (see rm_train.adopt).")
    reference = Reference.load(folder)
    # Takes seconds to import; what is wrong with the folder is said before.
    from reward_servers.scorer import Scorer

    scorer = Scorer(folder, settings.dtype, settings.device, settings.threads)
    require_equal(reference, scorer.logits([item.ids for item in reference.items]), settings.dtype, str(folder))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    metrics = Metrics()
    batcher = Batcher(scorer.logits, settings.max_batch_tokens, settings.max_queue_tokens, metrics.batch)
    return Service(scorer, lambda text: tokenizer.encode(text).ids, batcher, metrics)


def bind(host: str, port: int) -> socket.socket:
    """A socket that is bound at once, so that a port in use is found before the model is loaded, and listens later: until the server
    is ready its clients are refused."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        # For a port of the kernel's choice the option would allow one that another starting server has bound.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(port != 0))
        listener.bind(address)
    except OSError as error:
        raise ConfigurationError(f"Cannot listen on {host}:{port} ({error.strerror}); choose another --host or --port.") from error
    return listener


class _Server(uvicorn.Server):
    """Says when it is ready, and ends normally when told to stop: uvicorn's own handler would raise the signal again."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
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
