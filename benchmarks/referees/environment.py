"""The environment of the published referees, which need packages that ours must not have."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from code_reward.errors import ConfigurationError, SandboxError

_LAST = 3
"""Lines of a failed referee's output that are told."""


class Environment:
    """A virtual environment that holds referees.

    Args:
        folder: Where it is.
    """

    def __init__(self, folder: Path) -> None:
        self._python = folder.absolute() / "bin" / "python"
        self._folder = folder

    def version(self, package: str, instead: str = "") -> str:
        """The version of a package; raises `ConfigurationError` where there is none, with what may be done `instead` of installing it."""
        ask = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
        done = None
        if self._python.exists():
            done = subprocess.run([self._python, "-I", "-c", ask, package], capture_output=True, text=True, check=False)
        if done is None or done.returncode:
            target = f"make install-{self._folder.name.removeprefix('.venv-')}"
            raise ConfigurationError(f"{self._folder} holds no {package}, the referee of record; run `{target}`{instead}.")
        return done.stdout.strip()

    def run(self, words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
        """`python WORDS` with `folder` as its home; its output goes to `folder/referee.log`. Raises `SandboxError` when it fails."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "OMP_NUM_THREADS") if name in os.environ}
        home = str(folder.absolute())
        environment = {**kept, "HOME": home, "XDG_CACHE_HOME": f"{home}/cache", "PYTHONDONTWRITEBYTECODE": "1", **variables}
        log = folder / "referee.log"
        with log.open("ab") as output:
            command = [str(self._python), *words]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, env=environment, check=False)
        if done.returncode:
            said = " ".join(log.read_text(errors="replace").splitlines()[-_LAST:])
            raise SandboxError(f"The referee {words[1]} ended with status {done.returncode} ({said[-300:]}); see {log}.")
