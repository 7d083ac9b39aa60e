"""Bring a reward model up as a server process: bind, load, check against the reference scores, serve, stop cleanly."""

from __future__ import annotations

import asyncio
import ctypes
import socket

import uvicorn

from code_reward.checkpoint_tokenizer import read_tokenizer
from code_reward.errors import ConfigurationError
from code_reward.folders import require_folder
from code_reward.reference import Reference, require_equal
from reward_servers.batching import Batcher
from reward_servers.embedded.app import Service, build_app
from reward_servers.embedded.metrics import Metrics
from reward_servers.embedded.settings import EmbeddedServer
from reward_servers.listener import Server, bind

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def serve(settings: EmbeddedServer) -> None:
    """Serve until SIGTERM or SIGINT; raises `ConfigurationError` or `RewardServerError` if it cannot start."""
    with bind(settings.host, settings.port) as listener:
        answer(listener, load(settings), settings.model.name)


def answer(listener: socket.socket, service: Service, name: str) -> None:
    """Answer requests to `listener` until told to stop."""
    app = build_app(service, name)
    server = Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=10))
    asyncio.run(server.serve([listener]))
    service.batcher.close()


def load(settings: EmbeddedServer) -> Service:
    """The model of `settings`, checked against its reference scores."""
    folder = settings.model
    require_folder(folder, "a reward model")
    if not (folder / "code_reward.json").is_file():
        raise ConfigurationError(f"{folder} is no folder with a code_reward.json; give a reward model checkpoint (see rm_train.adopt).")
    reference, (tokenizer, *_) = Reference.load(folder), read_tokenizer(folder)
    # Takes seconds to import; what is wrong with the folder is said before.
    from reward_servers.scorer import Scorer

    if settings.device == "cpu":
        keep_freed_memory()
    scorer = Scorer(folder, settings.dtype, settings.device, settings.threads)
    require_equal(reference, scorer.logits([item.ids for item in reference.items]), settings.dtype, str(folder))
    metrics = Metrics()
    batcher = Batcher(scorer.logits, settings.max_batch_tokens, settings.max_queue_tokens, metrics.batch)
    return Service(scorer, lambda text: tokenizer.encode(text).ids, batcher, metrics)


def keep_freed_memory() -> None:
    """Let glibc keep what is freed, where it is the C library: a forward pass takes the same megabytes again and again, and getting them
    from the kernel each time costs a sixth of its time in page faults."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
            mallopt(option, 2**30)
