import asyncio
import time

import pytest

from code_reward.deadlines import within


async def test_the_result_and_the_error_are_those_of_the_work():
    async def fail():
        raise ValueError("mine")

    assert await within(60, asyncio.sleep(0, "done")) == "done"
    assert await within(None, asyncio.sleep(0, "done")) == "done"
    with pytest.raises(ValueError, match="mine"):
        await within(60, fail())


@pytest.mark.parametrize("seconds", [0.0, 0.01])
async def test_work_that_takes_too_long_is_ended_before_anybody_is_told(seconds):
    ended = asyncio.Event()

    async def work():
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(0)
            ended.set()

    with pytest.raises(asyncio.TimeoutError):
        await within(seconds, work())
    assert ended.is_set()


@pytest.mark.parametrize("turns", range(4))
async def test_a_caller_who_gives_up_as_the_work_ends_has_given_up(turns):
    answer = asyncio.get_running_loop().create_future()

    async def call():
        await within(60, wait())
        await asyncio.sleep(0)  # Where a cancellation that came too late for the work shows.

    async def wait():
        return await answer

    caller = asyncio.create_task(call())
    await asyncio.sleep(0.01)
    answer.set_result(None)
    for _ in range(turns):
        await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait({caller})
    assert caller.cancelled() or turns == 3


@pytest.mark.parametrize("earlier", [True, False])
async def test_a_caller_who_gives_up_as_the_time_is_up_has_given_up(earlier):
    loop = asyncio.get_running_loop()
    caller = asyncio.create_task(within(0.02, asyncio.sleep(600)))
    await asyncio.sleep(0)
    loop.call_later(0.01 if earlier else 0.03, caller.cancel)
    time.sleep(0.1)  # noqa: ASYNC251 - both moments pass in one turn of the loop.
    await asyncio.wait({caller})
    assert caller.cancelled()


async def test_what_the_work_still_raises_after_its_caller_left_is_told_to_nobody(caplog):
    async def stubborn():
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            raise ValueError("too late") from None

    with pytest.raises(asyncio.TimeoutError):
        await within(0.01, stubborn())
    assert "too late" not in caplog.text
