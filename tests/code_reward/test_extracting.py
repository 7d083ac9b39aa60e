"""Extraction inside an event loop: what it costs the loop, and what becomes of processes that die."""

import asyncio
import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from code_reward import extracting
from code_reward.extracting import extract
from code_reward.extraction import extract_code

LONG = "```python\n" + "def f(x):\n" + "    y = x + 1\n" * 3_000 + "    return y\n```"


@pytest.mark.parametrize("response", ["```python\ndef f(x):\n    return x\n```", LONG, "No program.", LONG + "\n```python\ndef f(:\n```"])
async def test_it_is_extraction(response):
    for policy in ("last", "strict", "longest"):
        assert await extract(response, policy, "f") == extract_code(response, policy, "f")


async def test_long_answers_cost_the_event_loops_process_next_to_nothing():
    await extract(LONG, "last", "f")
    before = time.process_time()
    found = await asyncio.gather(*(extract(LONG, "last", "f") for _ in range(3)))
    elsewhere = time.process_time() - before
    assert all(extraction.code for extraction in found)
    before = time.process_time()
    for _ in range(3):
        extract_code(LONG, "last", "f")
    assert elsewhere < (time.process_time() - before) / 3


async def test_a_process_that_dies_is_replaced():
    await extract(LONG)
    for process in (await extracting._POOL.get())._processes.values():
        process.kill()
    assert await extract(LONG) == extract_code(LONG)


async def test_who_gave_up_waiting_takes_nobody_along_when_a_process_dies():
    pool = await extracting._POOL.get()
    tasks = [asyncio.create_task(extract(LONG)) for _ in range(12)]
    while len(pool._pending_work_items) < len(tasks):
        await asyncio.sleep(0.001)
        if any(task.done() for task in tasks):
            break  # They are handed out slower than they are worked off.
    tasks.pop(6).cancel()
    for process in list(pool._processes.values()):
        process.kill()
    assert await asyncio.wait_for(asyncio.gather(*tasks), 120) == [extract_code(LONG)] * len(tasks)


async def test_an_answer_that_kills_two_processes_in_turn_is_an_error(monkeypatch):
    monkeypatch.setattr(extracting, "extract_code", _die)
    with pytest.raises(BrokenProcessPool):
        await extract(LONG)
    monkeypatch.undo()
    assert await extract(LONG) == extract_code(LONG)


def _die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
