"""Tests of a search on a Ray cluster: this machine's own, with real processes that are really killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest

from code_reward.errors import ConfigurationError, DataError
from code_reward.journal import read_lines
from code_reward.problem import save_problems
from data_prep.families import generate
from data_prep.llm import RunStopped
from data_prep.llm.simulated import SimulatedEndpoint
from data_prep.search.cluster import grow_parts
from data_prep.search.run import read_trees
from data_prep.search.session import grow_part
from data_prep.search.settings import Search


def search(tmp_path, **changes):
    return Search(problems=tmp_path / "problems.jsonl", out=tmp_path / "run", _cli_parse_args=False, **changes)


def test_parts_keep_to_the_budget_together(tmp_path):
    parts = [search(tmp_path, max_calls=11, max_tokens=2).share(number, 4) for number in range(4)]
    assert [part.max_calls for part in parts] == [3, 3, 3, 2]
    assert [part.max_tokens for part in parts] == [1, 1, 0, 0]
    assert [part.part() for part in parts] == [(number, 4) for number in range(4)]
    assert search(tmp_path).share(1, 2).max_calls is None


@pytest.mark.parametrize("shard", ["2/2", "1", "a/b", "-1/2", "0/0"])
def test_a_part_that_cannot_be_is_refused(tmp_path, shard):
    with pytest.raises(ConfigurationError, match="NUMBER/COUNT"):
        search(tmp_path, shard=shard).part()


def test_a_cluster_parts_the_problems_itself(tmp_path):
    with pytest.raises(ConfigurationError, match="leave --shard away"):
        grow_parts(search(tmp_path, shard="0/2", ray="local"), lambda trees, outcomes: None)


class Cluster:
    """What the driver needs of Ray, on `nodes` machines that are all this process."""

    def __init__(self, nodes):
        self._nodes = nodes

    def nodes(self):
        return [{"Alive": True}] * self._nodes

    def remote(self, **options):
        return lambda made: SimpleNamespace(remote=(lambda: Actor(made())) if isinstance(made, type) else made)

    def wait(self, waiting, **options):
        return waiting[:1], waiting[1:]

    def get(self, what):
        return what

    def shutdown(self):
        pass


class Actor:
    def __init__(self, made):
        self._made = made

    def __getattr__(self, name):
        return SimpleNamespace(remote=getattr(self._made, name))


def test_a_run_that_goes_on_keeps_its_parts_whatever_the_number_of_machines(tmp_path, monkeypatch):
    save_problems(tmp_path / "problems.jsonl", generate(3, seed=0))
    for nodes in (2, 3):
        monkeypatch.setattr("data_prep.search.cluster._connect", lambda address, nodes=nodes: Cluster(nodes))
        assert grow_parts(search(tmp_path, ray="local", change=("rollouts=2",)), lambda trees, outcomes: None).trees == 3
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["shard-00000-of-00002", "shard-00001-of-00002"]
    with pytest.raises(RunStopped, match="was begun in 2 parts, not 4; go on with as many"):
        grow_parts(search(tmp_path, ray="local", parts=4, change=("rollouts=2",)), lambda trees, outcomes: None)


async def test_paid_calls_of_all_parts_are_told_together(tmp_path, monkeypatch):
    problems = generate(4, seed=0)
    save_problems(tmp_path / "problems.jsonl", problems)
    monkeypatch.setattr("data_prep.search.cluster._connect", lambda address: Cluster(2))
    heard = []
    async with SimulatedEndpoint(problems, latency=0.0) as server:
        (tmp_path / "endpoints.yaml").write_text(f"[{{url: '{server.url}', model: m}}]")
        models = {"policy": "llm", "judge": "llm", "traces": "none", "endpoints": tmp_path / "endpoints.yaml"}
        settings = search(tmp_path, ray="local", change=("rollouts=2",), **models)
        spent = await asyncio.to_thread(grow_parts, settings, lambda trees, outcomes: None, heard.append)
    assert spent.calls > 0
    assert heard[-1] == spent.calls
    assert heard == sorted(heard)


def test_a_run_is_refused_in_another_number_of_parts(tmp_path):
    save_problems(tmp_path / "problems.jsonl", generate(3, seed=0))

    def grow(shard):
        grow_part(search(tmp_path, shard=shard, change=("rollouts=2",)), lambda trees, outcomes: None)

    grow("0/2")
    for other in ("0/3", "0/1"):
        with pytest.raises(ConfigurationError, match=r"was begun in 2 parts, not \d; go on with as many"):
            grow(other)
    grow("1/2")
    assert len(list(read_trees(tmp_path / "run"))) == 3
    (tmp_path / "run" / "shard-00000-of-00003").mkdir()
    with pytest.raises(DataError, match="in 2 and 3 parts, whose problems would come twice"):
        list(read_trees(tmp_path / "run"))
    (tmp_path / "run").rename(tmp_path / "other")
    grow("0/1")
    with pytest.raises(ConfigurationError, match="was begun in 1 part, not 2"):
        grow("0/2")


def command(tmp_path, out, *more):
    options = ["--problems", tmp_path / "problems.jsonl", "--out", tmp_path / out, "--change", "rollouts=6"]
    return [sys.executable, "-m", "data_prep.search", *map(str, options), *more]


def start(tmp_path, out, *more):
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "RAY_TMPDIR": "/tmp"}
    return subprocess.Popen(command(tmp_path, out, *more), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def part_processes(run):
    return [one for one in psutil.Process(run.pid).children(recursive=True) if one.name().startswith("ray::_run_part")]


@pytest.mark.integration
@pytest.mark.timeout(1500)
def test_a_part_that_is_killed_goes_on_and_nothing_is_lost_or_changed(tmp_path):
    save_problems(tmp_path / "problems.jsonl", generate(12, seed=0))
    run = start(tmp_path, "cluster", "--ray", "local", "--parts", "2", "--trees-at-once", "1")
    journal = tmp_path / "cluster" / "shard-00001-of-00002" / "rollouts.jsonl"
    deadline = time.monotonic() + 120
    while not list(read_lines(journal)):
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.02)
    before = {(line["problem_id"], line["number"]) for line in read_lines(journal)}
    killed = part_processes(run)
    for process in killed:
        process.send_signal(signal.SIGKILL)
    said, _ = run.communicate(timeout=200)
    assert run.returncode == 0, said
    assert killed, "both parts had ended before they could be killed; give them more problems"
    assert "12 trees" in said
    rollouts = [(line["problem_id"], line["number"]) for line in read_lines(journal)]
    assert before <= set(rollouts)
    assert len(rollouts) == len(set(rollouts))
    alone = start(tmp_path, "alone")
    assert alone.wait(timeout=100) == 0
    trees = [{tree.problem_id: tree for tree in read_trees(tmp_path / out)} for out in ("cluster", "alone")]
    assert trees[0] == trees[1]


@pytest.mark.integration
@pytest.mark.timeout(1500)
async def test_a_part_that_stops_is_told_when_all_have_ended(tmp_path):
    problems = generate(4, seed=0)
    save_problems(tmp_path / "problems.jsonl", problems)
    async with SimulatedEndpoint(problems, latency=0.0) as server:
        (tmp_path / "endpoints.yaml").write_text(f"[{{url: '{server.url}', model: m, concurrency: 4}}]")
        options = ["--ray", "local", "--parts", "2", "--policy", "llm", "--judge", "llm", "--traces", "none", "--max-calls", "9"]
        run = start(tmp_path, "cluster", *options, "--endpoints", str(tmp_path / "endpoints.yaml"))
        said, _ = await asyncio.to_thread(run.communicate, timeout=200)
    assert run.returncode == 2, said
    assert "error: A part of the run stopped: The budget of 5 calls is spent" in said or "The budget of 4 calls is spent" in said
    assert "1 more of its 2 parts stopped" in said
    assert sum(server.answered.values()) == 9


def test_no_cluster_is_one_sentence(tmp_path, unused_tcp_port):
    pytest.importorskip("ray", reason="Ray is not installed (make install)")
    with pytest.raises(ConfigurationError, match=r"No Ray cluster at '127\.0\.0\.1:.*start one"):
        grow_parts(search(tmp_path, ray=f"127.0.0.1:{unused_tcp_port}"), lambda trees, outcomes: None)
