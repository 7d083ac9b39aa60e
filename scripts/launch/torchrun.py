"""torchrun, with a sentence in the place of its tracebacks: `python -m scripts.launch.torchrun` in the place of `torchrun`.

What its processes have to say they say themselves. Without this, a Ctrl-C or a process that ends with an error is followed by forty
lines of torchrun's own.
"""

from __future__ import annotations

import logging
import sys


def main(words: list[str]) -> int:
    """The status for the shell: that of the process that failed first, or 128 and the signal that ended all."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as run

    logging.disable(logging.CRITICAL)
    try:
        run(words)
    except SignalException as error:
        return 128 + int(error.sigval)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        status = int(failure.exitcode)
        end = f"status {status}" if status >= 0 else f"signal {-status}"
        print(f"error: process {rank} ended with {end}; the others were ended with it. Its message stands above.", file=sys.stderr)
        return status if status > 0 else 128 - status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
