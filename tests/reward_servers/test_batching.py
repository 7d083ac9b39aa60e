"""Dynamic batching: every caller gets its own scores, batches respect the budget, nothing starves, a full queue says so."""

import asyncio
import threading

import pytest

from reward_servers.batching import Batcher, QueueFull


class Model:
    """Scores an input by its sum; holds every batch until it is let go, if asked to."""

    def __init__(self, *, hold: bool = False) -> None:
        self.batches: list[list[list[int]]] = []
        self.threads: set[int] = set()
        self.go = threading.Event()
        if not hold:
            self.go.set()

    def score(self, batch):
        self.go.wait(300)
        self.threads.add(threading.get_ident())
        self.batches.append(list(batch))
        if any(ids == [13] for ids in batch):
            raise RuntimeError("unlucky")
        return [float(sum(ids)) for ids in batch]


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_every_caller_gets_its_own_scores_from_one_thread():
    model = Model()
    batcher = Batcher(model.score, batch_tokens=8, queue_tokens=10_000)
    lists = [[[i, j] for j in range(5)] for i in range(20)]
    answers = await asyncio.gather(*(batcher.submit(batch) for batch in lists))
    assert answers == [[float(i + j) for j in range(5)] for i in range(20)]
    assert len(model.threads) == 1
    assert threading.get_ident() not in model.threads
    batcher.close()


async def test_what_waits_while_the_model_works_is_its_next_batch_within_the_budget():
    model = Model(hold=True)
    batcher = Batcher(model.score, batch_tokens=10, queue_tokens=10_000)
    first = asyncio.create_task(batcher.submit([[1]]))
    await settle()
    others = [asyncio.create_task(batcher.submit([[i] * 3])) for i in range(2, 9)]
    long = asyncio.create_task(batcher.submit([[9] * 50]))
    await settle()
    assert batcher.waiting_tokens == 7 * 3 + 50
    model.go.set()
    await asyncio.gather(first, *others, long)
    assert [[len(ids) for ids in batch] for batch in model.batches] == [[1], [3, 3, 3], [3, 3, 3], [3], [50]]
    assert (batcher.waiting, batcher.waiting_tokens) == (0, 0)
    batcher.close()


async def test_a_long_item_is_not_overtaken_for_ever():
    model = Model()
    batcher = Batcher(model.score, batch_tokens=4, queue_tokens=10_000)
    order = []

    async def ask(ids):
        await batcher.submit([ids])
        order.append(len(ids))

    await asyncio.gather(ask([1] * 100), *(ask([1]) for _ in range(40)))
    assert 100 in order[:5]
    batcher.close()


async def test_a_full_queue_refuses_and_says_when_to_come_back():
    model = Model(hold=True)
    batcher = Batcher(model.score, batch_tokens=10, queue_tokens=20)
    running = asyncio.create_task(batcher.submit([[1]]))
    await settle()
    waiting = asyncio.create_task(batcher.submit([[1] * 15]))
    await settle()
    with pytest.raises(QueueFull) as caught:
        await batcher.submit([[1] * 6])
    assert caught.value.retry_after > 0
    fits = asyncio.create_task(batcher.submit([[1] * 5]))
    model.go.set()
    assert await asyncio.gather(running, waiting, fits) == [[1.0], [15.0], [5.0]]
    assert await batcher.submit([[1] * 500]) == [500.0]  # Larger than the queue: served when it is empty, or it never would be.
    batcher.close()


async def test_a_failing_batch_fails_its_callers_and_no_other():
    model = Model(hold=True)
    batcher = Batcher(model.score, batch_tokens=2, queue_tokens=100)
    calls = [asyncio.create_task(batcher.submit(batch)) for batch in ([[1, 1]], [[13]], [[2, 2]])]
    await settle()
    model.go.set()
    one, unlucky, two = await asyncio.gather(*calls, return_exceptions=True)
    assert (one, two) == ([2.0], [4.0])
    assert isinstance(unlucky, RuntimeError)
    batcher.close()


async def test_what_nobody_waits_for_is_not_scored():
    model = Model(hold=True)
    batcher = Batcher(model.score, batch_tokens=1, queue_tokens=100)
    calls = [asyncio.create_task(batcher.submit([[i]])) for i in range(4)]
    await settle()
    calls[1].cancel()
    calls[2].cancel()
    model.go.set()
    await asyncio.gather(*calls, return_exceptions=True)
    assert model.batches == [[[0]], [[3]]]
    assert batcher.waiting_tokens == 0
    batcher.close()


async def test_an_empty_submission_costs_nothing():
    model = Model()
    batcher = Batcher(model.score, batch_tokens=1, queue_tokens=1)
    assert await batcher.submit([]) == []
    assert model.batches == []
    batcher.close()
