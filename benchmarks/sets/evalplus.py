"""HumanEval(+) and MBPP(+) as evalplus 0.3.1 asks them: a self-contained script in a fence, whose opening the model is given.

An endpoint cannot be given the beginning of its answer, nor may a model that reasons first: they get the question alone, as evalplus's
own client of endpoints puts it, below its system message. A model without a chat template continues the bare prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.referees import evalplus
from benchmarks.referees.files import write_tasks
from benchmarks.sampling.question import Answer, Message, Question
from benchmarks.sandbox_judge import case_of, run_cases
from benchmarks.sets.rows import published_rows
from benchmarks.sets.task_set import Bench, Key, Origin, Row, TaskSet
from benchmarks.verdicts import Judged, Said
from code_reward.extraction import extract_code
from code_reward.problem import Problem, load_problems, save_problems
from data_prep.sources import load
from data_prep.sources.hub import Part
from reward_servers.sandbox.outcome import Outcome

ASK = "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
_SYSTEM = "You are a helpful assistant good at coding."
PREFILL = "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:\n```python\n"
STOPS = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")
_CONTINUATION = {
    "humaneval": ("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert "),
    "mbpp": ('\n"""', "\nassert"),
}
_COLUMNS = ("task_id", "prompt", "entry_point", "canonical_solution", "base_input", "plus_input", "atol")


class EvalPlus(TaskSet):
    """One of evalplus's two data sets."""

    def read(self, path: Path) -> dict[str, Row]:
        """The published rows; `DataError` names the first column that is not there."""
        return published_rows(path, Part(), _COLUMNS, key="task_id", wanted=f"evalplus's release of {self.columns[1]}")

    def ask(self, task: Row) -> Question:
        """The problem in a fence below evalplus's instruction."""
        prompt = task["prompt"].strip()
        return Question(
            task_id=task["task_id"],
            messages=(Message("user", f"{ASK}\n```\n{prompt}\n```\n"),),
            bare=(Message("system", _SYSTEM), Message("user", f"{ASK}\n```python\n{prompt}\n```")),
            prefill=PREFILL,
            stops=(*STOPS, "\n```\n"),
            completion=f"{prompt}\n",
            completion_stops=(*STOPS, *_CONTINUATION[self.name]),
        )

    def referee(self) -> tuple[str, str]:
        """evalplus itself."""
        return "evalplus", "0.3.1"

    def judge(self, bench: Bench, tasks: Mapping[str, Row], answers: Mapping[Key, Answer]) -> list[Judged]:
        """evalplus's sanitizer and evaluator, and our sandbox on the same programs; without evalplus, on what our extraction takes."""
        solutions = [(key[0], _text(tasks[key[0]], answer)) for key, answer in answers.items()]
        published: dict[str, list[dict[str, Said]]] = {}
        if bench.environment is None:
            programs = [extract_code(_fenced(text), "last", tasks[task_id]["entry_point"]).code or "" for task_id, text in solutions]
        else:
            programs = evalplus.sanitize(bench.environment, bench.folder, self.name, tasks, solutions)
            published = evalplus.evaluate(bench.environment, bench.folder, self.name)
        problems = self._problems(bench, tasks)
        cases = [case_of(problems[task_id], program) for (task_id, _), program in zip(solutions, programs, strict=True)]
        outcomes = run_cases(bench.folder, self.name, cases, bench.sandbox)
        judged = []
        for (key, answer), case in zip(answers.items(), cases, strict=True):
            outcome = outcomes[case.key]
            own = _verdicts(outcome, problems[key[0]])
            said = dict(zip(self.columns, _both(published[key[0]][key[1]]), strict=True)) if published else {}
            judged.append(Judged.of(self.name, key, answer, case.program, said, dict.fromkeys(self.columns, outcome)))
            judged[-1].sandbox = dict(zip(self.columns, own, strict=True))
        return judged

    def _problems(self, bench: Bench, tasks: Mapping[str, Row]) -> dict[str, Problem]:
        """The tasks with the results that the reference solutions give, computed once per run."""
        path = bench.folder / "problems.jsonl.gz"
        if not path.exists():
            save_problems(path, load(f"{self.name}_plus", write_tasks(bench.folder, tasks)))
        return {problem.id: problem for problem in load_problems(path)}


def _text(task: Row, answer: Answer) -> str:
    """The text that evalplus's sanitizer gets."""
    text = answer.text.replace("\t", "    ")
    return f"{task['prompt'].strip()}\n{text}" if answer.form == "completion" else text


def _fenced(text: str) -> str:
    return text if "```" in text else f"```python\n{text}\n```"


def _both(said: Mapping[str, Said]) -> tuple[Said, Said]:
    """evalplus counts for the second column what passes the base inputs and the extra ones."""
    return said["base"], said["plus"] if said["base"] == "pass" else said["base"]


def _verdicts(outcome: Outcome, problem: Problem) -> tuple[Said, Said]:
    """Of the base inputs, and of all: the base tests come first, and the first failure ends the run."""
    if outcome.kind == "sandbox_error":
        return "missing", "missing"
    wrong: Said = "timeout" if outcome.kind == "timeout" else "fail"
    through = next((index for index, test in enumerate(outcome.tests) if test.kind != "passed"), len(outcome.tests))
    base = outcome.passed or through >= int((problem.model_extra or {})["base_tests"])
    return ("pass" if base else wrong), ("pass" if outcome.passed else wrong)


_FETCH = ".venv-referees/bin/python -c 'import evalplus.data as data; data.{}()'"

HUMANEVAL = EvalPlus(
    "humaneval",
    ("HumanEval", "HumanEval+"),
    Origin(
        "HUMANEVAL_OVERRIDE_PATH",
        "problems/humaneval_plus.jsonl.gz",
        _FETCH.format("get_human_eval_plus"),
        "evalplus/HumanEvalPlus-v0.1.10.jsonl",
    ),
    768,
)
MBPP = EvalPlus(
    "mbpp",
    ("MBPP", "MBPP+"),
    Origin("MBPP_OVERRIDE_PATH", "problems/mbpp_plus.jsonl.gz", _FETCH.format("get_mbpp_plus"), "evalplus/MbppPlus-v0.2.0.jsonl"),
    768,
)
