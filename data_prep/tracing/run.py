"""Running a program on calls in the sandbox, traced or plain, with every result as a value where it is plain data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from code_reward.errors import SandboxError
from data_prep.tracing.instrument import Instrumented, Site, Untraceable, instrument
from data_prep.tracing.trace import CallRecord, Trace
from reward_servers.sandbox.outcome import Execution, Limits, Sandbox

_INSIDE = Path(__file__).with_name("inside.py").read_text(encoding="utf-8")
_HEAD, _TAIL = 60, 40
_PRINTED = 4000
_GRACE = 1.0
_OUTPUT_KB = 4096


@dataclass(frozen=True)
class Call:
    """`callee` is an expression such as `f` or `Solution().f`; `arguments` a list, tuple or dict (keywords) as source text."""

    callee: str
    arguments: str

    def __str__(self) -> str:
        stars = {"(": "", "[": "*", "{": "**"}[self.arguments.lstrip()[0]]
        return f"{self.callee}({stars}{self.arguments})" if stars else f"{self.callee}{self.arguments}"


async def trace_calls(sandbox: Sandbox, program: str, calls: Sequence[Call], *, cpu_seconds: float = 2.0) -> Trace:
    """Run and trace. A program that cannot be instrumented is run as it is (`traced` False).

    Args:
        sandbox: Where it runs.
        program: Anybody's program; it is only ever executed in the sandbox.
        calls: Made one after the other in one process; after one that does not come back, no more are made. None: the program is a script.
        cpu_seconds: Of the plain program, per call; a traced one gets five times as many.

    Raises:
        SandboxError: The sandbox failed, which says nothing about the program.
    """
    try:
        return await _run(sandbox, program, calls, 5 * cpu_seconds, instrument(program))
    except Untraceable:
        return await _run(sandbox, program, calls, cpu_seconds, None)


async def evaluate_calls(sandbox: Sandbox, program: str, calls: Sequence[Call], *, cpu_seconds: float = 2.0) -> Trace:
    """Like `trace_calls`, without tracing: the results alone."""
    return await _run(sandbox, program, calls, cpu_seconds, None)


async def _run(sandbox: Sandbox, program: str, calls: Sequence[Call], cpu_seconds: float, traced: Instrumented | None) -> Trace:
    order = {
        "source": traced.source if traced else program,
        "name": "solution" if calls else "__main__",
        "calls": [(call.callee, call.arguments) for call in calls],
        "put": traced.put if traced else "",
        "caught": traced.caught if traced else "",
        "head": _HEAD,
        "tail": _TAIL,
        "cpu_seconds": cpu_seconds,
    }
    text = f"{_INSIDE}\n\nDriver(json.loads({json.dumps(order)!r})).main()\n"
    seconds = cpu_seconds * (len(calls) + 1) + _GRACE
    execution = await sandbox.execute(text, "", limits=Limits(cpu_seconds=seconds, wall_seconds=5 * seconds, output_kb=_OUTPUT_KB))
    if execution.kind == "sandbox_error":
        raise SandboxError(f"The sandbox failed ({execution.message}); see its log.")
    return _read(execution, calls, traced)


def _read(execution: Execution, calls: Sequence[Call], traced: Instrumented | None) -> Trace:
    output = execution.stdout.encode()
    records = [_record(line, output, traced) for line in _reports(execution.stderr)]
    if not records or (records[-1].end == "returned" and len(records) <= len(calls)):
        # The process was ended from outside in the middle of something.
        printed = output[-_PRINTED:].decode(errors="replace")
        records.append(CallRecord(end="crashed", error=f"{execution.kind}: {execution.message}", printed=printed))
    named = [record.model_copy(update={"call": str(call)}) for record, call in zip(records[1:], calls, strict=False)]
    return Trace(load=records[0], calls=named, traced=traced is not None)


def _reports(stderr: str) -> list[dict[str, Any]]:
    """The driver's lines; a program that writes among them is the loser, its own lines are passed over."""
    reports = []
    for line in stderr.splitlines():
        try:
            report = json.loads(line)
        except ValueError:
            continue
        if isinstance(report, dict) and "what" in report and "printed" in report:
            reports.append(report)
    return reports


def _record(report: dict[str, Any], output: bytes, traced: Instrumented | None) -> CallRecord:
    begin, end = report["printed"]
    sites = traced.sites if traced else ()
    return CallRecord(
        end=report["end"],
        literal=report["literal"],
        shown=report["shown"],
        error=report["error"],
        frames=[_frame(frame, traced) for frame in report["frames"]],
        printed=_middle_out(output[begin:end].decode(errors="replace")),
        events=[_event(sites[site], shown) for site, shown in report["events"]],
        kept_first=min(len(report["events"]), _HEAD),
        dropped=report["dropped"],
        seconds=report["seconds"],
    )


def _middle_out(text: str) -> str:
    return text if len(text) <= _PRINTED else f"{text[: _PRINTED // 2]}\n…\n{text[-_PRINTED // 2 :]}"


def _frame(frame: Sequence[Any], traced: Instrumented | None) -> str:
    line, function, held = frame
    values = ", ".join(f"{name}={value}" for name, value in held)
    return f"line {traced.original_line(line) if traced else line}, {function}" + (f" with {values}" if values else "")


_PHRASES = {
    "set": "line {line}: {label} = {shown}",
    "test": "line {line}: {label} is {shown}",
    "call": "line {line}: call {label} with {shown}",
    "return": "line {line}: {label} returns {shown}",
    "yield": "line {line}: {label} yields {shown}",
    "caught": "line {line}: caught {shown}",
}


def _event(site: Site, shown: str) -> str:
    return _PHRASES[site.kind].format(line=site.line, label=site.label, shown=shown)
