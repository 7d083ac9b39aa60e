"""The launcher of SGLang: flags, checks, restarts, swaps, and nothing left behind. SGLang itself is in the integration tests."""

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import psutil
import pytest
from misbehaving import other_score_of, score_of
from shared_memory import shared_memory_of
from tiny_rm import answer, build_client_folder, statement

from code_reward.errors import ConfigurationError
from code_reward.serving import context_length
from code_reward.verdict import Scored
from reward_servers.client import ClientSettings, RewardClient
from reward_servers.sglang_server import supervisor
from reward_servers.sglang_server.__main__ import main
from reward_servers.sglang_server.commands import replica_command, replica_environment, router_command
from reward_servers.sglang_server.options import forbidden
from reward_servers.sglang_server.replica import Replica
from reward_servers.sglang_server.settings import SGLangServer
from reward_servers.sglang_server.supervisor import free_ports

STAND_IN = Path(__file__).parents[1] / "helpers" / "stand_in_sglang"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The folders of two reward models."""
    folder = tmp_path_factory.mktemp("models")
    return [build_model(folder / "rm", score_of), build_model(folder / "other-rm", other_score_of)]


def build_model(folder, score, positions=1024):
    build_client_folder(folder, score)
    config = {"architectures": ["Qwen3ForSequenceClassification"], "max_position_embeddings": positions}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


class Running:
    """The command as a process."""

    def __init__(self, process, logs):
        self.process, self.logs, self.said = process, logs, []

    async def ready(self):
        line = (await self.process.stdout.readline()).decode()
        assert line.startswith("ready http://"), line + (await self.process.stderr.read()).decode()
        return line.split()[1]

    async def says(self, text):
        """Wait until a line with `text` comes on stderr."""
        async for line in self.process.stderr:
            self.said.append(line.decode())
            if text in self.said[-1]:
                return
        raise AssertionError("".join(self.said))

    async def failure(self):
        """The exit status and what it said, once it has ended."""
        _, error = await self.process.communicate()
        return self.process.returncode, error.decode()

    def children(self):
        """But for the trackers of Python's own."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]


@pytest.fixture
def launch(tmp_path):
    """Starts the command with the stand-in for SGLang; what it started is gone at the end, or the test fails."""

    @asynccontextmanager
    async def launched(model, *options):
        logs, scratch = tmp_path / "logs", tmp_path / "tmp"
        scratch.mkdir(exist_ok=True)
        path = os.pathsep.join([str(STAND_IN), str(STAND_IN.parent), *(entry for entry in sys.path if entry)])
        command = [
            "-m",
            "reward_servers.sglang_server",
            "--model",
            str(model),
            "--device",
            "cpu",
            "--dtype",
            "float32",
            "--logs",
            str(logs),
        ]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(scratch)},
        )
        try:
            yield Running(process, logs)
        finally:
            started = psutil.Process(process.pid).children(recursive=True) if process.returncode is None else []
            shared = {name for one in started for name in shared_memory_of(one.pid)}
            if process.returncode is None:
                process.terminate()
            await process.communicate()
            _, left = psutil.wait_procs(started, timeout=30)
            assert [one for one in left if one.status() != psutil.STATUS_ZOMBIE] == []
            if process.returncode >= 0:
                assert list(scratch.iterdir()) == []
                assert shared & set(os.listdir("/dev/shm")) == set()

    return launched


async def score(model, **where):
    """What a client gets for one answer."""
    settings = ClientSettings(deadline_seconds=60, backoff_seconds=0.05, max_backoff_seconds=0.2)
    async with RewardClient(model, where.get("urls", ()), router=where.get("router"), settings=settings) as client:
        return (await client.verdict(statement(1), answer(1))).verdict


async def test_it_serves_restarts_the_dead_and_leaves_nothing_behind(launch, models):
    async with launch(models[0]) as server:
        url = await server.ready()
        right = await score(models[0], urls=[url])
        assert isinstance(right, Scored)
        [replica] = server.children()
        shared = shared_memory_of(replica.pid)
        replica.kill()
        await server.says("is dead")
        await server.says("gives the reference scores")
        assert await score(models[0], urls=[url]) == right
        server.process.terminate()
        assert await server.process.wait() == 0
        assert shared
        assert shared & set(os.listdir("/dev/shm")) == set()


async def test_replicas_stand_behind_a_router(launch, models):
    async with launch(models[0], "--replicas", "2") as server:
        url = await server.ready()
        assert isinstance(await score(models[0], router=url), Scored)
        assert len(server.children()) == 3
        async with aiohttp.ClientSession() as session, session.get(f"{url}/workers") as reply:
            listed = [worker["url"] for worker in (await reply.json())["workers"]]
        assert len(set(listed)) == 2


async def test_a_replica_with_other_scores_ends_everything_and_says_the_difference(launch, tmp_path):
    folder = build_model(tmp_path / "rm", other_score_of)
    async with launch(folder, "--replicas", "2") as server:
        status, error = await server.failure()
    assert status == 2
    assert "not the expected reward model" in error
    assert "reference item" in error


async def test_a_replica_that_cannot_start_is_explained_by_its_last_words(launch, models):
    async with launch(models[0], "--option=--refuse-to-start") as server:
        status, error = await server.failure()
    assert status == 2
    assert "ended before it was ready" in error
    assert "out of memory, says the stand-in" in error


async def test_another_checkpoint_is_served_without_stopping(launch, models, tmp_path):
    current = tmp_path / "current"
    current.symlink_to(models[0])
    async with launch(current) as server:
        url = await server.ready()
        before = await score(models[0], urls=[url])
        current.unlink()
        current.symlink_to(models[1])
        server.process.send_signal(signal.SIGHUP)
        await server.says("swapped to")
        after = await score(models[1], urls=[url])
        assert isinstance(before, Scored)
        assert isinstance(after, Scored)
        assert before != after


async def test_a_replica_that_dies_during_a_swap_comes_back_as_the_new_model(launch, models, tmp_path):
    current = tmp_path / "current"
    current.symlink_to(models[0])
    async with launch(current, "--replicas", "2") as server:
        url = await server.ready()
        replicas = [child for child in server.children() if "sglang.launch_server" in child.cmdline()]
        current.unlink()
        current.symlink_to(models[1])
        replicas[1].kill()
        server.process.send_signal(signal.SIGHUP)
        await server.says("swapped to")
        assert isinstance(await score(models[1], router=url), Scored)
        for replica in server.children():
            assert str(models[0]) not in replica.cmdline()


async def test_a_swap_to_what_is_no_reward_model_changes_nothing(launch, models, tmp_path):
    current = tmp_path / "current"
    current.symlink_to(models[0])
    async with launch(current) as server:
        url = await server.ready()
        current.unlink()
        current.symlink_to(tmp_path)
        server.process.send_signal(signal.SIGHUP)
        await server.says("not swapped")
        assert isinstance(await score(models[0], urls=[url]), Scored)


class Silent(Replica):
    """A replica that runs and answers only when told to; counts its starts, after which it answers."""

    def __init__(self):
        super().__init__("127.0.0.1", 1, SimpleNamespace(alive=True, log="replica.log", stop=self._stop), None)
        self.answers, self.starts, self.asked, self.found_silent = False, 0, 0, asyncio.Event()

    async def _stop(self):
        pass

    async def start(self, seconds):
        self.starts += 1
        self.answers = True

    async def healthy(self):
        self.asked += 1
        if self.asked == supervisor.UNHEALTHY:
            self.found_silent.set()
        return self.answers

    async def check(self, reference, dtype):
        pass


@asynccontextmanager
async def watched(model, monkeypatch):
    """A silent replica under a supervisor that has long found it so, and waits for whoever is changing it."""
    monkeypatch.setattr(supervisor, "WATCH_SECONDS", 0.01)
    replica = Silent()
    watching = supervisor.Supervisor(SGLangServer(model=model), None)
    async with replica.changing:
        task = asyncio.create_task(watching._watch(replica))
        await replica.found_silent.wait()
        yield replica
    await asyncio.sleep(0.1)
    task.cancel()


async def test_a_replica_that_was_silent_only_while_it_was_changed_is_left_alone(models, monkeypatch):
    async with watched(models[0], monkeypatch) as replica:
        replica.answers = True
    assert replica.starts == 0


async def test_a_replica_that_is_still_silent_after_it_was_changed_is_started_again(models, monkeypatch):
    async with watched(models[0], monkeypatch) as replica:
        assert replica.starts == 0
    assert replica.starts == 1


# Command lines.


def pairs(command):
    return dict(pairwise(command))


def test_the_flags_are_explicit_where_sglang_s_defaults_surprise(models):
    settings = SGLangServer(model=models[0], dtype="bfloat16", tp=2, first_gpu=1, option=["--mem-fraction-static=0.4"])
    command = replica_command(settings, models[0], 1, 3000)
    flags = pairs(command)
    assert "--is-embedding" in command
    assert (flags["--dtype"], flags["--context-length"], flags["--base-gpu-id"], flags["--tp-size"]) == ("bfloat16", "513", "3", "2")
    assert command[-1] == "--mem-fraction-static=0.4"
    assert "torch_native" not in command


def test_free_ports_leave_room_for_the_one_that_sglang_keeps_above():
    ports = free_ports("127.0.0.1", 40)
    assert len(set(ports)) == 40
    assert max(ports) + 10_000 <= 65_535


def test_the_router_knows_every_worker(models):
    command = router_command(SGLangServer(model=models[0]), 3000, 3001, ["http://a", "http://b"])
    assert command[-3:] == ["--worker-urls", "http://a", "http://b"]
    assert pairs(command)["--prometheus-port"] == "3001"


def test_a_name_on_the_hub_is_told_from_a_folder():
    with pytest.raises(ConfigurationError, match="hf download Owner/some-rm --local-dir models/some-rm"):
        main(SGLangServer(model="Owner/some-rm", _cli_parse_args=False))


def test_an_input_as_long_as_the_model_s_positions_is_refused_before_anything_starts(tmp_path):
    model = build_model(tmp_path / "rm", score_of, positions=512)
    with pytest.raises(ConfigurationError, match=r"lower max_tokens in its code_reward\.json to 511"):
        context_length(model)


def test_our_classes_are_offered_only_where_sglang_has_none(models, tmp_path):
    assert "SGLANG_EXTERNAL_MODEL_PACKAGE" not in replica_environment(models[0])
    (tmp_path / "config.json").write_text('{"architectures": ["Glm4ForSequenceClassification"]}')
    assert replica_environment(tmp_path)["SGLANG_EXTERNAL_MODEL_PACKAGE"] == "reward_servers.sglang_models"


@pytest.mark.parametrize("option", ["--dtype=auto", "--port=1", "--allow-auto-truncate", "--model-path=x", "--quantization=fp8", "mem"])
def test_options_that_would_undo_a_promise_are_refused(option):
    assert forbidden(option)


@pytest.mark.parametrize("option", ["--mem-fraction-static=0.5", "--chunked-prefill-size=4096", "--enable-metrics"])
def test_other_options_are_handed_on(option):
    assert forbidden(option) is None
