"""The script that makes the integration environment, with a stand-in for its Python; integration tests run in the real thing."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PYTHON = """#!/bin/sh
case "$*" in
    *get_path*) echo site ;;
    *importlib.metadata*' torch') echo 2.13.0 ;;
    *' install '*) echo "$*" >>installed.txt ;;
esac
"""


@pytest.mark.parametrize("pins", ["", "# What is known to work.\n", "ray==2.50.0\ntriton==3.4.0\n"])
def test_it_installs_whatever_the_pins_hold_nothing_included(tmp_path, pins):
    """To move to newer versions the file is emptied."""
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/install_integration.sh", "scripts/integration_requirements.txt", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "constraints-integration.txt").write_text(pins)
    python = tmp_path / ".venv-integration" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON)
    python.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name not in ("SLIME_ROOT", "TORCH")}
    command = ["bash", str(tmp_path / "scripts" / "install_integration.sh")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=kept, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".venv-integration" / "constraints.txt").read_text() == pins + "torch==2.13.0\n"
    assert "--requirement scripts/integration_requirements.txt" in (tmp_path / "installed.txt").read_text()
