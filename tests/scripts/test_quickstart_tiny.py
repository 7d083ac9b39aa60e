"""The whole loop with real components, at the size that shows nothing but that every stage works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

NOISE = (
    "Unclosed",
    "Task was destroyed",
    "FutureWarning",
    "Loading weights",
    "Writing model shards",
    "examples/s",
    "newly initialized",
    "Traceback",
)


@pytest.mark.integration
@pytest.mark.timeout(1800)
def test_the_tiny_quickstart_goes_through_and_is_reused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.quickstart", "--tiny", "--out", str(tmp_path)]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    said = first.stdout + first.stderr
    assert first.returncode == 0, said[-4000:]
    assert [word for word in NOISE if word in said] == [], said[-4000:]
    folder = tmp_path / "seed0"
    figures = json.loads((folder / "figures.json").read_text())
    assert set(figures["before"]) == {"known", "held_out"}
    assert [arm["arm"] for arm in figures["arms"]] == ["rm", "rm"]
    assert all(0 < figures["peak_mb"][stage] < 4096 for stage in figures["peak_mb"])
    assert "## Reward model on problems it has not seen" in (folder / "report.md").read_text()
    assert (folder / "plots" / "curves.png").is_file()
    assert not list(folder.glob("*.checkpoints")), "nothing is left half done"
    rollouts = [json.loads(line) for line in (folder / "policy_rm.rollouts.jsonl").read_text().splitlines()]
    assert {row["step"] for row in rollouts} == {0, 1}
    assert all(row["reward"] is not None for row in rollouts)
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("there already") == len(figures["seconds"]), "a second run does nothing again"
