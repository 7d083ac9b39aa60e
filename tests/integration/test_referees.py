"""The published referees, really: their own verdicts on answers of known worth, beside the sandbox's."""

import gzip
import json
import os
from pathlib import Path

import pytest

from benchmarks.referees.environment import Environment
from benchmarks.sampling.question import Answer
from benchmarks.sets import find_set
from benchmarks.sets.task_set import Bench

ROOT = Path(__file__).parents[2]
REFEREES = ROOT / ".venv-referees"
DATA = os.environ.get("CODE_REWARD_DATA")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not (REFEREES / "installed").exists(), reason="There is no .venv-referees; make it with make install-referees."),
    pytest.mark.skipif(DATA is None, reason="CODE_REWARD_DATA names no folder with the published data."),
]

COUNT = 12


@pytest.mark.parametrize(("name", "file", "pool"), [("humaneval", "humaneval_plus", "humaneval"), ("mbpp", "mbpp_plus", "mbpp")])
def test_evalplus_and_the_sandbox_say_what_was_published(tmp_path, name, file, pool):
    """Answers of Qwen2.5-Coder-1.5B, whose verdicts its authors published, and the reference solutions."""
    data = Path(str(DATA))
    one = find_set(name)
    tasks = dict(list(one.read(data / "problems" / f"{file}.jsonl.gz").items())[:COUNT])
    published = json.loads(gzip.decompress((data / "candidates" / f"qwen25coder_1.5b_{pool}.json.gz").read_bytes()))["eval"]
    answers, expected = {}, {}
    for task_id, task in tasks.items():
        said = published[task_id][0]
        for number, (text, base, plus) in enumerate(
            [
                (task["prompt"] + task["canonical_solution"], "pass", "pass"),
                (said["solution"], said["base_status"], said["plus_status"] if said["base_status"] == "pass" else "fail"),
            ]
        ):
            answers[task_id, number] = Answer(text=text, form="chat", cut=False, tokens=1)
            expected[task_id, number] = (base == "pass", plus == "pass")
    judged = one.judge(Bench(tmp_path, Environment(REFEREES), None), tasks, answers)
    got = {(j.task_id, j.sample): tuple(said == "pass" for said in j.referee.values()) for j in judged}
    assert got == expected
    assert [j for j in judged if j.disputed] == []


def test_the_referee_sees_nothing_of_our_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET", "of ours")
    Environment(REFEREES).run(["-c", "import os; print(sorted(os.environ))"], tmp_path, {})
    assert "A_SECRET" not in (tmp_path / "referee.log").read_text()
