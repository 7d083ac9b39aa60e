"""Requests that nobody would send, and programs whose verdicts are known, at a server of its own at once.

Three sources: bodies that were right before something in them was exchanged, broken or repeated; clients that go; and schemathesis, which
makes bodies from the server's OpenAPI document. No answer may be a 500, no verdict wrong; `/health` is asked all the while.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, get_args

import aiohttp

from code_reward.errors import CodeRewardError
from reward_servers.sandbox.outcome import Kind
from scripts.bench_sandbox.health import watching
from scripts.bench_sandbox.processes import footprint_of

_AT_ONCE = 32
_REST_SECONDS = 5
"""For what clients left behind to be ended."""
_LIMITS = {"cpu_seconds": 2, "wall_seconds": 60}
_ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1e300,
    10**18,
    10**400,
    "",
    "\0",
    "\ud800",
    "x" * 5000,
    [],
    {},
    [[]],
    {"kind": "asserts"},
    "NaN",
    "Infinity",
]
_LARGE = 10 << 20
_EXAMPLES_PER_CALL = 200

Body = dict[str, Any]


class Faults(CodeRewardError):
    """The server answered what it must not."""

    kind = "faults"


@dataclass
class Findings:
    """What came of the requests so far."""

    statuses: Counter[int] = field(default_factory=Counter)
    verdicts: int = 0
    """Known ones that were checked."""
    faults: list[str] = field(default_factory=list)

    def note(self, fault: str) -> None:
        if len(self.faults) < 100:
            self.faults.append(fault)


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, int]]:
    """A server of its own: its address and process id."""
    command = [sys.executable, "-m", "reward_servers.sandbox", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


async def measure(requests: int, workers: int | None) -> None:
    """Print what came of so many requests, and how memory and `/health` were meanwhile; raises `Faults` if anything was wrong."""
    with serving("--require", "limited", "--workers", str(workers or 2)) as (url, pid):
        warm = await attack(url, max(requests // 10, 100), seed=1)
        before, began = footprint_of(pid), time.monotonic()
        with watching(url) as waits:
            found = await attack(url, requests, seed=2)
            found.faults += warm.faults
            by_schema = await asyncio.to_thread(attack_by_schema, url, max(requests // 20, 40))
        await asyncio.sleep(_REST_SECONDS)
        print(f"{found.statuses.total()} requests in {time.monotonic() - began:.0f} s: {dict(sorted(found.statuses.items()))}")
        print(f"{found.verdicts} known verdicts checked; schemathesis: {dict(sorted(by_schema.statuses.items()))}")
        median, most = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
        print(f"/health, {len(waits)} times: median {median:.4f} s, 99 % within {most:.3f} s, worst {waits[-1]:.3f} s")
        print(f"server and workers before: {before}\nserver and workers after:  {footprint_of(pid)}")
        faults = found.faults + by_schema.faults
    for fault in faults:
        print(fault)
    if faults:
        raise Faults(f"{len(faults)} answers were not what they must be; they stand above.")


async def attack(url: str, requests: int, seed: int) -> Findings:
    """Send `requests` requests of every kind."""
    found, chance = Findings(), random.Random(seed)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        numbers = iter(range(requests))

        async def work() -> None:
            for number in numbers:
                kind = chance.choices((_known, _broken, _vanish, _large), (60, 34, 5, 1))[0]
                await kind(session, url, random.Random(seed * 1_000_003 + number), found)

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return found


async def _known(session: aiohttp.ClientSession, url: str, chance: random.Random, found: Findings) -> None:
    body, right = _draw(chance)
    status, text = await _post(session, url, "/run", json.dumps(body).encode(), found)
    if status == 503:
        return
    kind = json.loads(text).get("kind") if status == 200 else text
    found.verdicts += 1
    if (kind == "passed") is not right or kind == "sandbox_error" or status != 200:
        found.note(f"a {'right' if right else 'wrong'} program: {status}, {text[:300]} {json.dumps(body)[:500]}")


def _draw(chance: random.Random) -> tuple[Body, bool]:
    """A request, and whether its program is right. The numbers make each its own."""
    a, b = chance.randrange(10**6), chance.randrange(1, 10**6)
    right = chance.random() < 0.5
    program = f"def f(x):\n    return x * {a} + {b if right else b + 1}\n"
    tests = {
        "asserts": {"code": f"assert f(3) == {3 * a + b}"},
        "check": {"code": f"def check(candidate):\n    for x in range(3):\n        assert candidate(x) == x * {a} + {b}\n"},
        "call": {"args": "[7]", "expected": str(7 * a + b)},
        "stdio": {"stdin": "5\n", "stdout": str(5 * a + b)},
    }
    kind = chance.choice(list(tests))
    if kind == "stdio":
        program += "print(f(int(input())))\n"
    body: Body = {"program": program, "entry_point": "f", "tests": [{"kind": kind, **tests[kind]}], "limits": _LIMITS}
    if chance.random() < 0.3:
        body["mode"] = "inline"
    return body, right


async def _broken(session: aiohttp.ClientSession, url: str, chance: random.Random, found: Findings) -> None:
    path = chance.choice(["/run", "/observe", "/execute", "/run_code", "/run"])
    bodies: dict[str, Body] = {
        "/run": _draw(chance)[0],
        "/observe": {"program": "def f(x):\n    return x\n", "calls": ["f(1)", "f([2])"], "limits": {"wall_seconds": 5}},
        "/execute": {"program": "print(input())", "stdin": "x", "limits": {"cpu_seconds": 1}},
        "/run_code": {"code": "print(1)", "language": "python", "run_timeout": 3, "files": {"a": "eA=="}, "fetch_files": ["a"]},
    }
    data = json.dumps(_spoil(bodies[path], chance)).encode()
    if chance.random() < 0.2:
        data = _tear(data, chance)
    status, text = await _post(session, url, path, data, found)
    if status == 200:
        answer = json.loads(text)
        if answer.get("kind", "observed") not in (*get_args(Kind), "observed"):
            found.note(f"{path}: an answer of no kind, {text[:300]}")
    elif len(text) > 5000:
        found.note(f"{path}: {status} in {len(text)} characters")


def _spoil(value: Any, chance: random.Random) -> Any:
    """The value with one thing in it exchanged, left out, or added."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        how = chance.random()
        if how < 0.1:
            return {name: item for name, item in value.items() if name != key}
        if how < 0.2:
            return {**value, chance.choice(["extra", "\ud800", ""]): 1}
        return {**value, key: _spoil(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        return [_spoil(value[0], chance), *value[1:]] * chance.choice([1, 1, 3])
    if isinstance(value, (int, float)) and chance.random() < 0.4:
        return chance.choice([float("nan"), float("inf"), -float("inf"), -1, 1e300, 10**18])
    return chance.choice(_ODD)


def _tear(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    return chance.choice([data[:place], data[:place] + b"\xff" + data[place:], data * 2, b"[" * 5000, data[:place] + b"NaN" + data[place:]])


async def _vanish(session: aiohttp.ClientSession, url: str, chance: random.Random, found: Findings) -> None:
    """Send all or a part of a request, and go."""
    host, _, port = url.removeprefix("http://").partition(":")
    data = json.dumps({"program": "while True: pass", "tests": [{"kind": "asserts", "code": "f"}], "limits": _LIMITS}).encode()
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /run HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(data))
    writer.write(data[: chance.choice([0, 10, len(data)])])
    await writer.drain()
    writer.close()
    found.statuses[0] += 1


async def _large(session: aiohttp.ClientSession, url: str, chance: random.Random, found: Findings) -> None:
    """Ten megabytes: of text, of numbers where none may be, of brackets, of tests."""
    one = b'{"kind":"call","args":"[1]","expected":"1"},'
    bodies = [
        b'{"program":"print(1) #' + b"x" * _LARGE + b'","tests":[{"kind":"stdio","stdin":"","stdout":"1"}]}',
        b'{"program":[' + b"1," * (_LARGE // 2) + b"1]}",
        b"[" * _LARGE,
        b'{"program":"","entry_point":"f","tests":[' + one * (_LARGE // len(one)) + one[:-1] + b"]}",
    ]
    status, text = await _post(session, url, "/run", chance.choice(bodies), found)
    if len(text) > 5000:
        found.note(f"ten megabytes: {status} in {len(text)} characters")


async def _post(session: aiohttp.ClientSession, url: str, path: str, data: bytes, found: Findings) -> tuple[int, str]:
    try:
        async with session.post(url + path, data=data, headers={"content-type": "application/json"}) as response:
            status, text = response.status, await response.text()
    except aiohttp.ClientError as error:
        status, text = 599, f"{type(error).__name__}: {error}"
    found.statuses[status] += 1
    if status >= 500 and status != 503:
        found.note(f"{path}: {status}, {text[:200]} for {data[:300]!r}")
    return status, text


def attack_by_schema(url: str, examples: int) -> Findings:
    """What schemathesis makes of the server's OpenAPI document: so many bodies per route, right in form and not, and what was answered."""
    import schemathesis
    from hypothesis import HealthCheck, given, settings
    from schemathesis import GenerationMode

    found = Findings()
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    for path in ("/run", "/observe", "/execute", "/run_code"):
        for mode in GenerationMode:

            @given(case=schema[path]["POST"].as_strategy(generation_mode=mode))
            @settings(
                max_examples=min(examples, _EXAMPLES_PER_CALL),
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                derandomize=True,
            )
            def ask(case: Any) -> None:
                response = case.call(base_url=url)
                found.statuses[response.status_code] += 1
                if response.status_code >= 500 and response.status_code != 503:
                    found.note(f"{case.path}: {response.status_code}, {response.text[:200]} for {str(case.body)[:300]}")

            ask()
    return found
