"""The sandbox: runs programs that nobody trusts against tests, and says what came of it in typed outcomes.

    sandbox = connect()
    outcome = await sandbox.run("def f(x):\\n    return x + 1", [AssertTest(code="assert f(1) == 2")], entry_point="f")

Warm interpreters fork once per program. How a test is decided depends on the test alone, never on the program:

- as *calls*: assertions whose expected values are constants, and call tests. The program's process is given the calls; the values that it
  returns are compared elsewhere.
- as a *script*: standard input in, standard output compared elsewhere.
- *inline*: everything else shares the program's interpreter, in Python's own semantics. A pass is confirmed by counter-tests: the same test
  with assertions made false, which a program can answer only by being right (`worker/referee/falsify.py`).

The first two are *sealed*: the program is never in one process with the tests or the expected values. `TestResult.sealed` tells. Mode
`sealed` refuses inline tests, mode `inline` wants them wherever they are possible.

What it protects against, as far as its layers could be had (`isolation` names three levels; `self_check` tests what is claimed): reading
and writing the host's files, the network, signals to and inspection of other processes, processes that outlive their program, exhaustion of
CPU time, memory, disk, descriptors and tasks, and any influence of one program on the next.

What it does not protect against: errors in the kernel, which programs speak to directly (use a virtual machine around it where programs
come from people); side channels of time and caches; a test that is wrong, or that asks so little that it can be guessed; on inline tests,
a program made to look through counter-tests (docs/sandbox.md tells how far that goes). At level `limited`, the host's files and network
are in reach. The sum of several allowed processes' memory (`Limits.processes`) is bounded only by their number. Linux 5.3 or newer is
needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reward_servers.sandbox.isolation import Level
    from reward_servers.sandbox.outcome import Mode, Sandbox


def connect(url: str | None = None, workers: int | None = None, mode: Mode = "auto", require: Level = "limited") -> Sandbox:
    """A sandbox: in this process's service when `url` is None, else the client of a server (`python -m reward_servers.sandbox`).

    Args:
        url (`str`, *optional*): The server's address, e.g. `http://127.0.0.1:8100`.
        workers (`int`, *optional*, defaults to the number of usable cores): Programs that run at once, in process.
        mode (`str`, *optional*, defaults to `auto`): Whether tests may share a process with the program. `sealed` never: a test that
            must is a `sandbox_error`. `inline` always where the kind of test allows it. `auto`: only tests that must.
        require (`str`, *optional*, defaults to `limited`): The isolation below which nothing is run in process; a server has its own.
    """
    if url is None:
        from reward_servers.sandbox.pool import LocalSandbox

        return LocalSandbox(workers, mode, require)
    from reward_servers.sandbox.client import HttpSandbox

    return HttpSandbox(url, mode)
