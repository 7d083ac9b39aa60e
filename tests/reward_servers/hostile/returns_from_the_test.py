# An exception that means "done" to a runner is not a success.
import asyncio
import concurrent.futures


def f(x):
    raise [asyncio.CancelledError, concurrent.futures.CancelledError][x % 2]("done")
