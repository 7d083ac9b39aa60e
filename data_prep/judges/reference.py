"""`ReferenceJudge`: right is what does as the reference solution does, on judging inputs that no hidden test uses. No language model.

Results are compared by the sandbox, outside of the program's process. The trace of the first input that went wrong is kept as evidence; it
only says where the fault lies. The edges: a reference that is itself wrong makes wrong labels, and a program whose only fault lies outside
the judging inputs passes; `data_prep.audit_judge` measures how often.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from code_reward.errors import DataError, SandboxError
from code_reward.problem import CallTest, Problem
from data_prep.judges.inputs import callee_of, judging_inputs
from data_prep.judges.judgement import Judgement
from data_prep.llm import Scope
from data_prep.tracing import Call, Trace, evaluate_calls, trace_calls
from reward_servers.sandbox.outcome import Limits, Outcome, Sandbox

FEWEST_INPUTS = 3
_FLOAT_TOLERANCE = 1e-6
# A program that takes ten times as long as the reference is too slow; less than this is noise.
_SLOWNESS = 10
# Made inputs may break what a problem allows, and a right program may then differ from the reference: one deviation of twelve leaves a
# doubt of a half, three leave a tenth. Chosen on samples of CodeGen-16B for HumanEval (docs/reward_data.md).
_SHARPNESS = 8
_LEAST_SECONDS = 0.25


class ReferenceJudge:
    """Compares with the reference.

    Args:
        sandbox: Where programs run.
        inputs (`int`, *optional*, defaults to 12): Most judging inputs of a problem.
        traces (`bool`, *optional*, defaults to True): Whether to trace the first input that goes wrong.
        cpu_seconds (`float`, *optional*, defaults to 2): Most of a program, per input; it gets ten times what the reference takes.
    """

    def __init__(self, sandbox: Sandbox, *, inputs: int = 12, traces: bool = True, cpu_seconds: float = 2.0) -> None:
        self._sandbox = sandbox
        self._inputs = inputs
        self._traces = traces
        self._cpu_seconds = cpu_seconds

    async def open(self, problem: Problem, scope: Scope) -> ReferenceBench:
        """Run the reference on the judging inputs; those on which it raises, hangs or returns no plain data are dropped.

        Raises:
            DataError: No reference, no entry point, no inputs, or a reference that answers fewer than three inputs.
            SandboxError: The sandbox failed.
        """
        callee = callee_of(problem)
        reference = problem.reference_solution
        if reference is None:
            raise DataError(f"Problem {problem.id!r} has no reference solution to compare with; use another judge.", kind="no_reference")
        calls = [Call(callee, arguments) for arguments in judging_inputs(problem, self._inputs)]
        tests, slowest = await self._expect(reference, calls, scope)
        cpu_seconds = min(max(_SLOWNESS * slowest, _LEAST_SECONDS), self._cpu_seconds)
        if len(tests) < min(FEWEST_INPUTS, len(calls)):
            raise DataError(
                f"The reference of {problem.id!r} answers {len(tests)} of {len(calls)} judging inputs; mend it or leave the problem out.",
                kind="bad_reference",
            )
        return ReferenceBench(self._sandbox, callee, tests, cpu_seconds, self._traces)

    async def _expect(self, reference: str, calls: Sequence[Call], scope: Scope) -> tuple[list[CallTest], float]:
        """The reference's results as tests, and the seconds that the slowest took."""
        tests: list[CallTest] = []
        slowest = 0.0
        while calls:
            trace = await _remember(scope, "evaluate", reference, calls, self._evaluate(reference, calls))
            tests += [
                CallTest(args=call.arguments, expected=record.literal, atol=_tolerance(record.literal))
                for call, record in zip(calls, trace.calls, strict=False)
                if record.literal is not None
            ]
            slowest = max([slowest, *(record.seconds for record in trace.calls if record.literal is not None)])
            # After a call that did not come back, the others are made anew; a program that does not load makes none.
            calls = calls[len(trace.calls) :] if trace.calls else []
        return tests, slowest

    def _evaluate(self, reference: str, calls: Sequence[Call]) -> Any:
        return lambda: evaluate_calls(self._sandbox, reference, calls, cpu_seconds=self._cpu_seconds)


class ReferenceBench:
    """One problem's judging inputs, with the reference's results. Correctness is the share of equal results to the power of eight."""

    def __init__(self, sandbox: Sandbox, callee: str, tests: list[CallTest], cpu_seconds: float, traces: bool) -> None:
        self._sandbox = sandbox
        self._callee = callee
        self.tests = tests
        self._limits = Limits(cpu_seconds=cpu_seconds, wall_seconds=5 * cpu_seconds * (len(tests) + 1), stop_at_first_failure=False)
        self._traces = traces

    async def judge(self, program: str, suffix: str, scope: Scope) -> Judgement:
        """See `Bench.judge`; `suffix` is not looked at."""
        outcome = Outcome.model_validate(await scope.once(_digest("run", program, self.tests), lambda: self._run(program)))
        passed = [result.kind == "passed" for result in outcome.tests]
        right = outcome.passed and len(passed) == len(self.tests)
        share = sum(passed) / len(self.tests)
        return Judgement(
            correctness=share**_SHARPNESS,
            share=share,
            failure="" if right else outcome.kind,
            words=f"does as the reference on all {len(self.tests)} inputs" if right else outcome.message,
            evidence=await self._trace(program, passed, scope) if self._traces else "",
        )

    async def _run(self, program: str) -> dict[str, Any]:
        outcome = await self._sandbox.run(program, self.tests, entry_point=self._callee, limits=self._limits)
        if outcome.kind == "sandbox_error":
            raise SandboxError(f"The sandbox failed ({outcome.message}); see its log.")
        return outcome.model_dump(mode="json")

    async def _trace(self, program: str, passed: list[bool], scope: Scope) -> str:
        first_wrong = passed.index(False) if False in passed else 0
        calls = [Call(self._callee, self.tests[first_wrong].args)]
        cpu_seconds = self._limits.cpu_seconds
        trace = await _remember(scope, "trace", program, calls, lambda: trace_calls(self._sandbox, program, calls, cpu_seconds=cpu_seconds))
        return trace.tell()


async def _remember(scope: Scope, what: str, program: str, calls: Sequence[Call], produce: Any) -> Trace:
    async def run() -> dict[str, Any]:
        trace: Trace = await produce()
        return trace.model_dump(mode="json")

    return Trace.model_validate(await scope.once(_digest(what, program, calls), run))


def _digest(what: str, program: str, inputs: Sequence[object]) -> str:
    text = "\0".join([what, program, *map(repr, inputs)])
    return f"{what}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _tolerance(literal: str) -> float:
    """Results with floats in them may be summed in another order by a right program."""
    return _FLOAT_TOLERANCE if "." in literal or "e" in literal else 0.0
