"""Stands in for SGLang where it is not installed: takes its command line, speaks its wire, and scores as the folder of its model says.

A folder whose name begins with `other` is another model's. `--refuse-to-start` is what it says.
"""

import asyncio
import sys
from pathlib import Path

from misbehaving import Misbehaving, other_score_of, score_of

given = dict(zip(sys.argv[1:], sys.argv[2:], strict=False))


async def main() -> None:
    model = Path(given["--model-path"])
    server = Misbehaving(other_score_of if model.name.startswith("other") else score_of)
    server.port = int(given["--port"])
    async with server:
        await asyncio.Event().wait()


if "--refuse-to-start" in sys.argv:
    sys.exit("out of memory, says the stand-in")
asyncio.run(main())
