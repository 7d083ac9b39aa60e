"""The published referees, really: their own verdicts on answers of known worth, beside the sandbox's."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from livecodebench_rows import read_rows

from benchmarks.referees.environment import Environment
from benchmarks.sampling.question import Answer
from benchmarks.sets import find_set
from benchmarks.sets.task_set import Bench

ROOT = Path(__file__).parents[2]
REFEREES = ROOT / ".venv-referees"
DATA = os.environ.get("CODE_REWARD_DATA")
LCB_TASKS, LCB_ANSWERS = os.environ.get("LIVECODEBENCH_TASKS_ROOT"), os.environ.get("LIVECODEBENCH_ANSWERS")

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
    # Since the verdicts were published evalplus has come to compare what this task returns as sets.
    newer = {("Mbpp/2", 1)}
    assert {key for key in got if got[key] != expected[key]} <= newer
    assert [j for j in judged if j.disputed] == []


def test_the_referee_sees_nothing_of_our_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET", "of ours")
    Environment(REFEREES).run(["-c", "import os; print(sorted(os.environ))"], tmp_path, {})
    assert "A_SECRET" not in (tmp_path / "referee.log").read_text()


def test_livecodebench_and_the_sandbox_agree(tmp_path):
    from benchmarks.sets.livecodebench import LIVECODEBENCH

    cases = [{"input": f"{a} {b}\n", "output": f"{a + b}\n", "testtype": "stdin"} for a, b in ((2, 3), (10, -10))]
    row = {"question_id": "s", "question_title": "Sum", "question_content": "Add.", "platform": "atcoder", "difficulty": "easy"}
    row |= {"contest_date": "2024-09-01T00:00:00", "starter_code": "", "metadata": "{}"}
    row |= {"public_test_cases": json.dumps(cases[:1]), "private_test_cases": json.dumps(cases[1:])}
    programs = ["print(sum(map(int, input().split())))", "print(5)", "while True: pass", "syntax error ("]
    answers = {
        ("s", number): Answer(text=f"```python\n{program}\n```", form="chat", cut=False, tokens=1)
        for number, program in enumerate(programs)
    }
    judged = LIVECODEBENCH.judge(Bench(tmp_path, Environment(REFEREES), None), {"s": row}, answers)
    assert [one.referee["LiveCodeBench"] for one in judged] == ["pass", "fail", "fail", "fail"]
    assert [one.disputed for one in judged] == [[]] * 4


@pytest.mark.skipif(
    not (LCB_TASKS and LCB_ANSWERS),
    reason="LIVECODEBENCH_TASKS_ROOT and LIVECODEBENCH_ANSWERS name no problems and published answers (docs/benchmarks.md).",
)
@pytest.mark.parametrize("file", str(LCB_ANSWERS).split(os.pathsep))
def test_livecodebench_and_the_sandbox_on_published_answers(tmp_path, file):
    opened = gzip.open if file.endswith(".gz") else open
    with opened(file, "rt", encoding="utf-8") as answers_file:
        published = {row["question_id"]: row for row in json.load(answers_file)}
    (tmp_path / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in read_rows(LCB_TASKS, published).values()))
    one = find_set("lcb")
    tasks = one.read(tmp_path / "tasks.jsonl")
    answers = {(name, 0): Answer(text=published[name]["output_list"][0], form="chat", cut=False, tokens=1) for name in tasks}
    judged = one.judge(Bench(tmp_path, Environment(REFEREES), None), tasks, answers)
    said = {j.task_id: (published[j.task_id]["graded_list"][0], j.referee["LiveCodeBench"], j.sandbox["LiveCodeBench"]) for j in judged}
    print(len(said), "problems:", sorted(Counter(said.values()).items()))
    assert [j.task_id for j in judged if j.program != published[j.task_id]["code_list"][0]] == []
    # What passed the hidden tests passes the public ones; on a busy machine one of the two may need too long for that.
    assert [name for name, (passed, *both) in said.items() if passed and "pass" not in both] == []
    # Its testing code puts a text in the place of sys.stdin and waits for no thread, so that such programs print nothing; and runs
    # a program as the body of a function, which is faster. In ours a program is a script.
    ways = {j.task_id: ("open(0)" in j.program or "threading" in j.program, j.sandbox["LiveCodeBench"] == "timeout") for j in judged}
    differing = [name for name, (passed, referee, ours) in said.items() if (referee == "pass") != (ours == "pass") and not passed]
    assert [name for name in differing if not any(ways[name])] == []


@pytest.mark.skipif(
    not (ROOT / ".venv-bigcodebench" / "installed").exists(),
    reason="There is no .venv-bigcodebench; make it with make install-bigcodebench.",
)
def test_bigcodebench_passes_a_reference_and_fails_an_empty_function(tmp_path):
    from benchmarks.sets.bigcodebench import BIGCODEBENCH

    body = "import os\ndef task_func(name):\n"
    test = (
        "import unittest\nclass TestCases(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(task_func('/a/b'), 'b')\n"
    )
    row = {"task_id": "BigCodeBench/1", "complete_prompt": body, "instruct_prompt": "Base name.", "code_prompt": body, "test": test}
    row |= {"canonical_solution": "    return os.path.basename(name)", "entry_point": "task_func", "libs": "['os']", "doc_struct": "{}"}
    programs = [body + row["canonical_solution"], body + "    return None", ""]
    answers = {("BigCodeBench/1", number): Answer(text=text, form="prefilled", cut=False, tokens=1) for number, text in enumerate(programs)}
    judged = BIGCODEBENCH.judge(Bench(tmp_path, Environment(ROOT / ".venv-bigcodebench"), None), {"BigCodeBench/1": row}, answers)
    assert [one.referee["BigCodeBench-Hard"] for one in judged] == ["pass", "fail", "fail"]
    assert [one.disputed for one in judged] == [[]] * 3
    assert BIGCODEBENCH.notes == {"reference solutions that fail here": "none"}


@pytest.mark.parametrize(("name", "file"), [("humaneval", "humaneval_plus"), ("mbpp", "mbpp_plus")])
def test_every_prompt_is_evalplus_own(tmp_path, name, file):
    """Token by token, under a chat template, with the texts before which an answer ends."""
    import importlib.util

    from tiny_policy import build_policy
    from transformers import AutoTokenizer

    from benchmarks.sampling.folder import FolderModel
    from benchmarks.sampling.question import Sampling

    (path,) = REFEREES.glob("lib/python3*/site-packages/evalplus/provider/utility.py")
    spec = importlib.util.spec_from_file_location("evalplus_utility", path)
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    source = (path.parent.parent / "codegen.py").read_text()
    instruction, response = (source.partition(f'{word} = "')[2].partition('"\n')[0] for word in ("instruction_prefix", "response_prefix"))
    model = FolderModel(build_policy(tmp_path / "policy"), "float32")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "policy")
    one = find_set(name)
    for task_id, task in one.read(Path(str(DATA)) / "problems" / f"{file}.jsonl.gz").items():
        prompt = theirs.make_raw_chat_prompt(task["prompt"].strip() + "\n", instruction, response, tokenizer)
        question = one.ask(task)
        assert model.row((task_id, 0), question, Sampling()).prompt == tokenizer.encode(prompt, add_special_tokens=False)
        assert set(question.stops) == {*theirs.EOS, "\n```\n"}
        assert set(question.completion_stops) == {*theirs.EOS, *theirs.extra_eos_for_direct_completion(name)}
