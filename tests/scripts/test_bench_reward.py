"""The benchmark of the reward path can tell a wrong number from a right one, and a lost sample from a missing verdict."""

from dataclasses import replace

import pytest
from misbehaving import score_of
from tiny_rm import build_client_folder

from code_reward.verdict import Missing
from reward_servers.client import engine
from reward_servers.client.fleet import Fleet
from scripts.bench_reward import faults, report, stall, throughput


@pytest.fixture
def find(tmp_path, monkeypatch):
    """Runs one row of the fault table, quickly."""
    folder = build_client_folder(tmp_path / "rm", score_of)
    monkeypatch.setattr(faults, "CALM_SECONDS", 0.3)
    monkeypatch.setattr(faults, "PATIENCE_SECONDS", 1.0)
    rows = {row.name: row for row in faults.ROWS}
    return lambda name: faults._run(replace(rows[name], seconds=0.3, deadline=min(10.0, rows[name].deadline)), folder)


async def test_an_outage_is_counted_as_what_it_was(find):
    found = await find("500")
    assert (found.wrong, found.lost, found.stopped) == (0, 0, None)
    assert found.recovery is not None


async def test_another_model_stops_the_job(find):
    found = await find("wrong model behind the port")
    assert (found.wrong, found.lost, found.stopped) == (0, 0, "wrong_model")
    assert found.missing["wrong_model"] > 0


async def test_wrong_numbers_would_be_seen(find, monkeypatch):
    monkeypatch.setattr(Fleet, "prove", lambda *anything: None)
    assert (await find("wrong model behind the port")).wrong > 0


async def test_lost_samples_would_be_seen(find, monkeypatch):
    monkeypatch.setattr(faults, "record_of", lambda sample: {"verdict": "nothing"})
    assert (await find("400 on one item")).lost > 0


async def test_a_missing_verdict_is_typed(find, monkeypatch):
    async def score(self, ids, group, deadline):
        return Missing("client_error"), False

    monkeypatch.setattr(engine.Engine, "score", score)
    found = await find("500")
    assert (found.lost, found.stopped, set(found.missing)) == (0, "too_many_missing", {"client_error"})


def test_the_tables_hold_what_was_measured():
    timings = {"slow": [throughput.Timing(2.0, 1.0)], "quick": [throughput.Timing(0.5, 0.1)]}
    table = report.throughput(10, timings)
    assert "| slow | 5.0 [5.0, 5.0] | 100.0 ms | 1.00 | 1.00 |" in table
    assert "| quick | 20.0 [20.0, 20.0] | 10.0 ms | 4.00 | 4.00 |" in table
    assert "| the rewards in flight | 2.00 ms | 2.0 ms | 2.0 ms | 100 |" in report.stall(stall.Stall([0.001] * 100, [0.002] * 100, 3.0))
    found = faults.Found("hang", samples=3, stopped="too_many_missing")
    found.missing["timeout"] = 3
    assert "| hang | 3 | timeout 3 | 0 | 0 | stopped: too_many_missing | 0 |  |" in report.faults([found])
