"""A limit on how long something is awaited, by which no cancellation is lost.

`asyncio.wait_for`, until Python 3.12, forgets that it was cancelled when what it waits for ends in the same turn of the loop: a request
that somebody gave up goes on, and a loop around it may never end.
"""

import sys

if sys.version_info >= (3, 11):
    from asyncio import timeout
else:
    from async_timeout import timeout

__all__ = ["timeout"]
