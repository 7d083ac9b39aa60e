"""BigCodeBench-Instruct-Hard, v0.1.4, as bigcodebench 0.2.5 asks: its instruction above the task's own, the answer begun with a fence.

Our sandbox judges beside the referee those tasks whose libraries are there; a task that lacks one says nothing of an answer.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from benchmarks.referees import bigcodebench
from benchmarks.referees.files import write_tasks
from benchmarks.sampling.question import Answer, Message, Question
from benchmarks.sandbox_judge import Case, run_cases
from benchmarks.sets.evalplus import ASK, PREFILL, STOPS
from benchmarks.sets.rows import published_rows
from benchmarks.sets.task_set import Bench, Key, Origin, Row, TaskSet
from benchmarks.verdicts import Judged
from code_reward.problem import runnable
from data_prep.sources import load
from data_prep.sources.hub import Part
from reward_servers.sandbox.outcome import Limits

_COLUMNS = ("task_id", "complete_prompt", "instruct_prompt", "canonical_solution", "code_prompt", "test", "entry_point", "libs")
LIMITS = Limits(cpu_seconds=30.0, wall_seconds=240.0, memory_mb=4096, processes=8)


class BigCodeBench(TaskSet):
    """BigCodeBench-Instruct-Hard."""

    needs_referee = True

    def read(self, path: Path) -> dict[str, Row]:
        """The published rows of a file, or of the data set on the hub."""
        return published_rows(path, Part(split="v0.1.4"), _COLUMNS, key="task_id", wanted="BigCodeBench-Hard v0.1.4")

    def ask(self, task: Row) -> Question:
        """The instruction, below bigcodebench's own."""
        messages = (Message("user", f"{ASK}\n{task['instruct_prompt'].strip()}\n"),)
        return Question(task["task_id"], messages, prefill=PREFILL, stops=(*STOPS, "\n```\n"))

    def referee(self) -> tuple[str, str]:
        """bigcodebench itself."""
        return "bigcodebench", "0.2.5"

    def judge(self, bench: Bench, tasks: Mapping[str, Row], answers: Mapping[Key, Answer]) -> list[Judged]:
        """bigcodebench's sanitizer and evaluator, and our sandbox on the same programs where it has what they import."""
        assert bench.environment is not None
        (column,) = self.columns
        solutions = [(key[0], answer.text.replace("\t", "    ")) for key, answer in answers.items()]
        programs = bigcodebench.sanitize(bench.environment, bench.folder, tasks, solutions)
        said, failing = bigcodebench.evaluate(bench.environment, bench.folder)
        self.notes = {"reference solutions that fail here": ", ".join(failing) or "none"}
        problems = {problem.id: problem for problem in load("bigcodebench_hard", write_tasks(bench.folder, tasks))}
        ours = {
            key: Case(key[0], runnable(problems[key[0]], program), problems[key[0]].tests, problems[key[0]].entry_point)
            for key, program in zip(answers, programs, strict=True)
            if all(find_spec(name) for name in _libraries(tasks[key[0]]))
        }
        outcomes = run_cases(bench.folder, self.name, list(ours.values()), bench.sandbox, LIMITS)
        return [
            Judged.of(
                self.name, key, answer, program, {column: said[key[0]][key[1]]}, {column: outcomes[ours[key].key]} if key in ours else {}
            )
            for (key, answer), program in zip(answers.items(), programs, strict=True)
        ]


def _libraries(task: Row) -> list[str]:
    libraries = task["libs"]
    return list(ast.literal_eval(libraries)) if isinstance(libraries, str) else list(libraries)


BIGCODEBENCH = BigCodeBench(
    "bcb_hard",
    ("BigCodeBench-Hard",),
    Origin("BIGCODEBENCH_OVERRIDE_PATH", "problems/bigcodebench_hard.jsonl.gz", "--bcb-hard-file bigcode/bigcodebench-hard"),
    1280,
)
