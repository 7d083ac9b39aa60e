"""The page in a real browser, over the server and as a file of its own."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import CHROMIUM, browsing

from code_reward_view.export import write_page
from scripts.bench_view.made import write_run

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt-get install chromium)")
EVIL = "</pre></script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\u202e\x1b[31m"


@contextmanager
def viewing(path: Path, *options: str):
    """`code-reward view` of a run: its URL."""
    command = [sys.executable, "-m", "code_reward_view", str(path), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("ready http://127.0.0.1:"), line + process.stderr.read()
            yield line.split()[1]
        finally:
            process.terminate()
            assert process.wait() == 0


def hostile_run(folder: Path) -> Path:
    row = {
        "problem_id": EVIL,
        "statement": EVIL,
        "response": f"{EVIL}\n```python\ndef f(): return '{EVIL[:-6]}'\n```",
        "group": EVIL,
        "outcome": EVIL,
    }
    rows = [{**row, "step": i, "reward": float(i % 2), "passed": False, EVIL: EVIL, "tests": [EVIL]} for i in range(12)]
    folder.mkdir()
    (folder / "rollouts.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return folder


READY = "document.body && document.body.dataset.ready === 'yes' && state.figures && state.figures.counts.rows"


@in_a_browser
async def test_one_walks_through_a_run_with_the_keyboard(tmp_path):
    write_run(tmp_path / "run" / "rollouts.jsonl", 3000)
    with viewing(tmp_path / "run") as url:
        async with browsing(tmp_path / "profile") as page:
            await page.open(url)
            await page.until(f"({READY}) === 3000")
            assert "the truth does not follow" in await page.see("document.querySelector('.finding').textContent")
            assert await page.see("document.querySelectorAll('.chart svg').length") >= 7
            await page.press("2")
            await page.until("document.querySelectorAll('.row').length > 10")
            await page.press("j", "j", "Enter")
            await page.until("!document.getElementById('detail').hidden && state.shown.row === 2")
            await page.press("p", "j")
            await page.until("document.querySelectorAll('.side').length === 2 && state.shown.row === 3")
            await page.press("Escape")
            assert await page.see("document.getElementById('detail').hidden")
            await page.press("3")
            await page.until("document.querySelectorAll('.cluster').length > 2")
            await page.press("Tab", "Tab", "Tab", "?")
            assert await page.see("document.getElementById('help').open")
            await page.press("Escape")
            for width, height in ((1400, 900), (420, 860)):
                await page.size(width, height)
                for key in "123":
                    await page.press(key)
                    assert await page.see("document.documentElement.scrollWidth <= innerWidth"), f"{key} is wider than {width}"
            assert page.complaints == []
            assert {request.split("/")[2] for request in page.requests} == {url.split("/")[2]}


@in_a_browser
async def test_the_table_sorts_filters_and_scrolls_on_the_server(tmp_path):
    write_run(tmp_path / "run" / "rollouts.jsonl", 3000)
    with viewing(tmp_path / "run") as url:
        async with browsing(tmp_path / "profile") as page:
            await page.open(f"{url}/#tab=answers")
            await page.until(f"({READY}) === 3000")
            await page.see("document.querySelectorAll('#heads button')[7].click()")
            await page.until("state.pages.get(0)?.[0]?.[9] > state.pages.get(0)?.[99]?.[9]")
            await page.see(
                "(select => { select.value = 'wrong'; select.dispatchEvent(new Event('change')) })(document.querySelector('[name=passed]'))"
            )
            await page.until("state.total < 3000 && state.pages.get(0)?.every?.(row => row[8] === false)")
            await page.see("document.getElementById('table').scrollTop = 1e9")
            await page.until(
                "Math.max(...[...document.querySelectorAll('.row')].map(row => +row.dataset.row)) > 0 && state.pages.size >= 2"
            )
            last = await page.until(
                "(rows => rows.length && +rows.at(-1).getBoundingClientRect().bottom)([...document.querySelectorAll('.row')])"
            )
            assert last <= 901
            assert page.complaints == []


@in_a_browser
async def test_what_a_model_wrote_is_shown_and_never_run(tmp_path):
    with viewing(hostile_run(tmp_path / "run")) as url:
        async with browsing(tmp_path / "profile") as page:
            await page.open(url)
            await page.until(READY)
            await page.press("2", "Enter")
            await page.until("!document.getElementById('detail').hidden")
            await page.press("p", "j")
            await page.until("document.querySelectorAll('.side').length === 2")
            shown = await page.see("document.getElementById('detail').textContent")
            assert "<img src=x onerror=" in shown
            assert "U+202E" in shown
            assert "U+001B" in shown
            await page.press("Escape", "3")
            await page.until("document.querySelectorAll('.cluster').length > 0")
            assert await page.see("window.hacked") is None
            assert await page.see("document.querySelectorAll('img, script:not([src])').length") == 0
            assert page.complaints == []


@in_a_browser
async def test_a_run_that_goes_on_is_followed(tmp_path):
    path = write_run(tmp_path / "run" / "rollouts.jsonl", 300)
    with viewing(tmp_path / "run") as url:
        async with browsing(tmp_path / "profile") as page:
            await page.open(url)
            await page.until(f"({READY}) === 300")
            with path.open("a") as file:
                file.write(path.read_text())
            await page.until("state.figures.counts.rows === 600 && document.querySelector('.tile b').textContent === '600'")
            assert page.complaints == []


@in_a_browser
async def test_a_saved_page_needs_no_server_and_no_network(tmp_path):
    write_page(hostile_run(tmp_path / "run"), tmp_path / "page.html")
    async with browsing(tmp_path / "profile") as page:
        await page.open((tmp_path / "page.html").as_uri())
        await page.until(READY)
        await page.press("3")
        await page.until("document.querySelectorAll('.cluster').length > 0")
        await page.see("document.querySelector('.cluster').click()")
        await page.until("!document.getElementById('detail').hidden")
        assert "<img src=x onerror=" in await page.see("document.getElementById('detail').textContent")
        assert await page.see("window.hacked") is None
        assert page.complaints == []
        assert [request for request in page.requests if not request.startswith("file:")] == []


# The server


def get(url: str, **headers: str):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers))


def test_only_who_calls_it_by_its_name_is_answered_and_nothing_can_be_changed(tmp_path):
    write_run(tmp_path / "run" / "rollouts.jsonl", 30)
    with viewing(tmp_path / "run") as url:
        answer = get(f"{url}/api/sources")
        assert json.load(answer)["sources"][0]["name"] == "rollouts.jsonl"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "access-control-allow-origin" not in answer.headers
        for path, headers, status in (
            ("/api/sources", {"Host": "evil.example"}, 400),
            ("/api/9/figures", {}, 404),
            ("/api/0/rows/99", {}, 404),
            ("/static/..%2Fserver.py", {}, 404),
            ("/static/server.py", {}, 404),
            ("/docs", {}, 404),
        ):
            with pytest.raises(urllib.error.HTTPError) as refused:
                get(f"{url}{path}", **headers)
            assert refused.value.code == status, path
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(f"{url}/api/sources", method="POST"))
        assert refused.value.code == 405


def test_a_port_that_is_taken_and_a_folder_without_answers_are_told_in_a_sentence(tmp_path):
    write_run(tmp_path / "run" / "rollouts.jsonl", 30)
    (tmp_path / "empty").mkdir()
    with viewing(tmp_path / "run") as url:
        port = url.rpartition(":")[2]
        for words, said in (
            ([tmp_path / "run", "--port", port], f"Cannot listen on 127.0.0.1:{port}"),
            ([tmp_path / "empty"], "holds no answers"),
        ):
            command = [sys.executable, "-m", "code_reward_view", *map(str, words)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 2
            [line] = done.stderr.splitlines()
            assert said in line


def test_looking_changes_nothing(tmp_path):
    write_run(tmp_path / "run" / "rollouts.jsonl", 30)
    before = [(path, os.stat(path).st_mtime_ns) for path in sorted(tmp_path.rglob("*"))]
    with viewing(tmp_path / "run") as url:
        for path in ("/", "/api/0/figures", "/api/0/errors", "/api/0/rows", "/api/0/rows/3"):
            get(f"{url}{path}").read()
    assert [(path, os.stat(path).st_mtime_ns) for path in sorted(tmp_path.rglob("*"))] == before
