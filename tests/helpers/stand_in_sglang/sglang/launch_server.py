"""Stands in for SGLang where it is not installed: takes its command line, speaks its wire, and scores as the folder of its model says.

As SGLang, it leaves a temporary file and a semaphore when it is ended by force. A folder whose name begins with `other` is another
model's. `--refuse-to-start` is what it says.
"""

import asyncio
import multiprocessing
import sys
import tempfile
from pathlib import Path

from misbehaving import Misbehaving, other_score_of, score_of

given = dict(zip(sys.argv[1:], sys.argv[2:], strict=False))


async def main() -> None:
    # What only an end of its own choice would remove.
    tempfile.NamedTemporaryFile(delete=False).close()
    lock = multiprocessing.get_context("spawn").Lock()
    model = Path(given["--model-path"])
    server = Misbehaving(other_score_of if model.name.startswith("other") else score_of)
    server.port = int(given["--port"])
    async with server:
        assert lock
        await asyncio.Event().wait()


if "--refuse-to-start" in sys.argv:
    sys.exit("out of memory, says the stand-in")
asyncio.run(main())
