"""The sandbox: runs programs that nobody trusts against tests, and says what came of it in typed outcomes.

    sandbox = connect()
    outcome = await sandbox.run("def f(x):\\n    return x + 1", [AssertTest(code="assert f(1) == 2")], entry_point="f")

Warm interpreters fork once per program. How a test is decided depends on the test alone, never on the program:

- as *calls*: assertions and `check(candidate)` whose expected values are constants, and call tests. The program's process is given the
  calls; the values that it returns are compared elsewhere.
- as a *script*: standard input in, standard output compared elsewhere.
- *apart*: other scripts, unittest classes and pytest files run in a process of their own over stand-ins for the program's names. Only calls
  and plain values pass between the two; what a returned object says of itself decides no comparison with a plain value.
- *inline*: tests that reach past calls (mocks, captured output, subclasses of the program's classes) share the program's interpreter.

The first three are *sealed*: the program is never in one process with the tests or the expected values. `TestResult.sealed` tells. Four
known ways to pass *inline* without being right: to read the tests from the stack, to find them on the heap, to report through the runner's
own objects, found on the stack, and to ask the referee for the tests while the program's top level still runs, and report in their stead.
No secret keeps any of them out: what our code in that process can do, the program can. Mode `sealed` refuses inline tests, mode `inline`
wants them wherever they are possible.

What it protects against, as far as its layers could be had (`isolation` names three levels; `self_check` tests what is claimed): reading
and writing the host's files, the network, signals to and inspection of other processes, processes that outlive their program, exhaustion of
CPU time, memory, disk, descriptors and tasks, and any influence of one program on the next.

What it does not protect against: errors in the kernel, which programs speak to directly (use a virtual machine around it where programs
come from people); side channels of time and caches; a test that is wrong, or that asks so little that it can be guessed; in mode `auto`,
the four ways above on tests that run inline. At level `limited`, the host's files and network are in reach. The sum of several allowed
processes' memory (`Limits.processes`) is bounded only by their number. Linux 5.3 or newer is needed.
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
