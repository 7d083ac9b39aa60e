"""SGLang as an OpenAI-compatible server of a language model, on CPU, as a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
from slime_on_cpu.environment import engine_environment

from reward_servers.sglang_server.supervisor import free_ports

PYTHON = Path(__file__).parents[2] / ".venv-integration/bin/python"
_FLAGS = {
    "--device": "cpu",
    "--dtype": "float32",
    "--attention-backend": "torch_native",
    "--mem-fraction-static": "0.1",
    "--max-total-tokens": "16384",
    "--host": "127.0.0.1",
    "--log-level": "warning",
}


@contextmanager
def serving(model: Path, log: Path, name: str = "tiny", context: int = 8192, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The process and its address, before it answers. `more`: other flags, by name with underscores."""
    [port] = free_ports("127.0.0.1", 1)
    own = {"--model-path": str(model), "--port": str(port), "--served-model-name": name, "--context-length": str(context)}
    own |= {f"--{flag.replace('_', '-')}": value for flag, value in more.items()}
    flags = [part for flag in {**_FLAGS, **own}.items() for part in flag]
    command = [str(PYTHON), "-m", "sglang.launch_server", "--disable-overlap-schedule", *flags]
    with log.open("w") as output:
        environment = engine_environment({**os.environ, "PYTHONPATH": ""})
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


async def until_well(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until it answers."""
    async with aiohttp.ClientSession() as session:
        for _ in range(600):
            assert process.poll() is None, _end_of(log)
            try:
                async with session.get(f"{url}/health") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)
    raise AssertionError(_end_of(log))


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]
