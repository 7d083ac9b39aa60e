"""Tests of data sets named by their place on the hub, with a small hub of our own in the real one's place."""

import asyncio
import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
from aiohttp import web

from code_reward.errors import DataError
from data_prep.sources import load

ROW = {"id": "a", "statement": "Add.", "tests": []}
COMMIT = "0" * 40


class Hub:
    """Serves data sets as the hub does; `files` by OWNER/NAME, then by file."""

    def __init__(self, files):
        self.files = files

    async def __aenter__(self):
        app = web.Application()
        app.router.add_get("/api/datasets/{owner}/{name}/tree/{revision}", self.tell)
        app.router.add_get("/datasets/{owner}/{name}/resolve/{revision}/{file:.*}", self.give)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    def _files(self, incoming):
        return self.files.get(f"{incoming.match_info['owner']}/{incoming.match_info['name']}")

    async def tell(self, incoming):
        files = self._files(incoming)
        if files is None:
            return web.Response(status=404, headers={"X-Error-Code": "RepoNotFound"})
        return web.json_response([{"type": "file", "path": name, "size": 1, "oid": COMMIT} for name in files])

    async def give(self, incoming):
        text = (self._files(incoming) or {}).get(incoming.match_info["file"])
        if text is None:
            return web.Response(status=404, headers={"X-Error-Code": "EntryNotFound"})
        digest = hashlib.sha256(text.encode()).hexdigest()
        return web.Response(body=text.encode(), headers={"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT})


async def fetch(hub, tmp_path, name):
    """What the command says of data set `name`: its status, and its two outputs together."""
    command = [sys.executable, "-m", "data_prep.sources", "problems", name, "--out", str(tmp_path / "out.jsonl")]
    cache = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **cache, "PYTHONPATH": os.getcwd()},
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 300)
    return process.returncode, said.decode()


async def test_a_data_set_is_fetched_by_its_name(tmp_path):
    line = json.dumps(ROW) + "\n"
    async with Hub({"lab/tasks": {"README.md": "…", "rows.jsonl": line}, "lab/parts": {"a.jsonl": line, "b.jsonl": line}}) as hub:
        assert (await fetch(hub, tmp_path, "lab/tasks"))[1].strip().startswith("1 problems")
        assert (await fetch(hub, tmp_path, "lab/parts/b.jsonl"))[0] == 0
        status, said = await fetch(hub, tmp_path, "lab/parts")
        assert (status, said) == (
            2,
            "error: The data set lab/parts has 2 files (a.jsonl, b.jsonl); name one as lab/parts/FILE, or the --config and --split.\n",
        )
        status, said = await fetch(hub, tmp_path, "lab/nothing")
        assert status == 2
        assert said.startswith("error: There is no file lab/nothing, nor can it be fetched from the hub")
        assert said.count("\n") == 1


def test_a_path_is_never_looked_for_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "tasks").write_text("")
    with pytest.raises(DataError, match="unknown file type"):
        load("problems", "lab/tasks")
    for path in (tmp_path / "tasks.jsonl", Path("lab/tasks.jsonl"), Path("tasks.jsonl")):
        with pytest.raises(DataError, match="does not exist"):
            load("problems", path)


@pytest.mark.parametrize("name", ["../nosuch.jsonl", "./some/nosuch.jsonl", "nosuch.jsonl"])
def test_a_path_that_can_be_no_data_set_is_a_missing_file(name):
    with pytest.raises(DataError, match="does not exist; check the path"):
        load("problems", name)
