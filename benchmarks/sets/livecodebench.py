"""LiveCodeBench's code generation as its own runner asks: a system message, the question, the format; the last fenced block is the program.

Which problems count as "v5" or "v6" depends on whom one asks: the window of contest dates is an option, and stands in the report. Hidden
tests are read by `data_prep.sources`, which lets no pickle name anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.referees import livecodebench
from benchmarks.referees.files import write_tasks
from benchmarks.sampling.question import Answer, Message, Question
from benchmarks.sandbox_judge import Case, run_cases
from benchmarks.sets.rows import published_rows
from benchmarks.sets.task_set import Bench, Key, Origin, Row, TaskSet
from benchmarks.verdicts import Judged, Said
from code_reward.errors import ConfigurationError
from code_reward.problem import runnable
from data_prep.sources import load
from data_prep.sources.hidden_tests import read_hidden
from data_prep.sources.hub import Part
from reward_servers.sandbox.outcome import Limits

_SYSTEM = (
    "You are an expert Python programmer. You will be given a question (problem specification) and will generate a correct Python program "
    "that matches the specification and passes all tests."
)
_WITH_STARTER = "You will use the following starter code to write the solution to the problem and enclose your code within delimiters."
_WITHOUT_STARTER = (
    "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample inputs). "
    "Enclose your code within delimiters as follows. Ensure that when the python program runs, it reads the inputs, runs the algorithm "
    "and writes output to STDOUT."
)
_COLUMNS = ("question_id", "question_content", "contest_date", "starter_code", "public_test_cases", "private_test_cases", "metadata")
LIMITS = Limits(cpu_seconds=6.0, wall_seconds=300.0, memory_mb=4096)


class LiveCodeBench(TaskSet):
    """LiveCodeBench, code generation."""

    def read(self, path: Path) -> dict[str, Row]:
        """The published rows of a file, of a folder of such files, or of a data set on the hub, oldest file's order kept."""
        wanted = "LiveCodeBench's code generation problems"
        return published_rows(path, Part(split="test"), _COLUMNS, key="question_id", wanted=wanted)

    def select(self, tasks: dict[str, Row], window: str | None) -> dict[str, Row]:
        """The problems of contests within `FROM..TO`, both days included."""
        if window is None:
            return tasks
        try:
            first, last = (date.fromisoformat(day) for day in window.split(".."))
        except ValueError:
            raise ConfigurationError(f"--window {window}: give two days, as in 2024-08-01..2025-02-01.") from None
        chosen = {name: row for name, row in tasks.items() if first <= date.fromisoformat(row["contest_date"][:10]) <= last}
        if not chosen:
            raise ConfigurationError(f"--window {window}: no contest of the file is of these days; give others, or another file.")
        return chosen

    def ask(self, task: Row) -> Question:
        """The runner's generic question."""
        starter = task["starter_code"]
        form = f"{_WITH_STARTER}\n```python\n{starter}\n```" if starter else f"{_WITHOUT_STARTER}\n```python\n# YOUR CODE HERE\n```"
        text = (
            f"### Question:\n{task['question_content']}\n\n### Format: {form}\n\n### Answer: (use the provided format with backticks)\n\n"
        )
        return Question(task["question_id"], (Message("system", _SYSTEM), Message("user", text)))

    def referee(self) -> tuple[str, str]:
        """The package that holds LiveCodeBench's testing code."""
        return "nvidia-livecodebench", "26.3"

    def judge(self, bench: Bench, tasks: Mapping[str, Row], answers: Mapping[Key, Answer]) -> list[Judged]:
        """LiveCodeBench's testing code, and our sandbox on the same programs."""
        programs = [last_block(answer.text) for answer in answers.values()]
        (column,) = self.columns
        said: list[Said] = []
        if bench.environment is not None:
            tests = {name: tests_of(task) for name, task in tasks.items()}
            cases = [(tests[key[0]], program) for key, program in zip(answers, programs, strict=True)]
            said = livecodebench.evaluate(bench.environment, bench.folder, cases)
        problems = {problem.id: problem for problem in load("lcb", write_tasks(bench.folder, tasks))}
        ours = [
            Case(key[0], runnable(problems[key[0]], program), problems[key[0]].tests, problems[key[0]].entry_point)
            for key, program in zip(answers, programs, strict=True)
        ]
        outcomes = run_cases(bench.folder, self.name, ours, bench.sandbox, LIMITS)
        return [
            Judged.of(self.name, key, answer, program, {column: said[index]} if said else {}, {column: outcomes[ours[index].key]})
            for index, ((key, answer), program) in enumerate(zip(answers.items(), programs, strict=True))
        ]


def last_block(text: str) -> str:
    """What the runner takes for the program: the lines between the last two that hold a fence."""
    lines = text.split("\n")
    fences = [number for number, line in enumerate(lines) if "```" in line]
    return "\n".join(lines[fences[-2] + 1 : fences[-1]]) if len(fences) > 1 else ""


def tests_of(task: Row) -> dict[str, Any]:
    """Public and hidden tests as LiveCodeBench's testing code takes them."""
    public = task["public_test_cases"]
    cases = [*(json.loads(public) if isinstance(public, str) else public), *read_hidden(task["private_test_cases"])]
    metadata = task["metadata"]
    name = (json.loads(metadata) if isinstance(metadata, str) else metadata).get("func_name")
    return {"inputs": [case["input"] for case in cases], "outputs": [case["output"] for case in cases], "fn_name": name}


LIVECODEBENCH = LiveCodeBench(
    "lcb",
    ("LiveCodeBench",),
    Origin("LIVECODEBENCH_OVERRIDE_PATH", "problems/livecodebench.jsonl.gz", "--lcb-file livecodebench/code_generation_lite"),
    2000,
)
