import ast
import gzip
import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward import plugins
from code_reward.errors import ConfigurationError, DataError, SandboxError
from code_reward.problem import Problem, load_problems, runnable, save_problems
from data_prep.sources import SOURCES, Source, humaneval, kodcode, load, mbpp
from data_prep.sources.__main__ import Sources, main
from data_prep.sources.records import Record, each
from reward_servers.sandbox.outcome import Outcome


def humaneval_row(**changes: object) -> dict[str, object]:
    row = {
        "task_id": "HumanEval/900",
        "prompt": 'import math\n\n\ndef halve(n: int) -> int:\n    """ Half of n, rounded down. """\n',
        "entry_point": "halve",
        "canonical_solution": "    return math.floor(n / 2)\n",
        "test": "METADATA = {}\n\n\ndef check(candidate):\n    assert candidate(5) == 2\n",
    }
    return {**row, **changes}


def mbpp_row(**changes: object) -> dict[str, object]:
    row = {
        "task_id": "MbppEval/900",
        "prompt": "def add_up(items):\n    '''\n    Write a function to add up a list.\n    '''\n",
        "entry_point": "add_up ",
        "canonical_solution": "  total = 0\n  for item in items:\n    total += item\n  return total\n",
        "test": "def check(candidate):\n    assert add_up([1, 2]) == 3\n    assert add_up([]) == 0\n",
    }
    return {**row, **changes}


def leetcode_row(**changes: object) -> dict[str, object]:
    row = {
        "task_id": "count-to",
        "prompt": "from typing import *\nimport math\n",
        "completion": "class Solution:\n    def countTo(self, n: int) -> List[int]:\n        return list(range(n))\n",
        "entry_point": "Solution().countTo",
        "test": "def check(candidate):\n    assert candidate(n = 2) == [0, 1]\n",
        "query": "Count to n.\n```python\nclass Solution:\n    def countTo(self, n: int) -> List[int]:\n```",
        "response": "Sure.\n```python\nclass Solution:\n    def countTo(self, n: int) -> List[int]:\n        return [*range(n)]\n```",
        "meta": {"question_id": 1, "difficulty": "Easy"},
    }
    return {**row, **changes}


def kodcode_row(**changes: object) -> dict[str, object]:
    row = {
        "question_id": "Made_1_I",
        "question": "Write a function that doubles a number.",
        "solution": "import math\n\ndef double(x: float) -> float:\n    return math.fsum([x, x])",
        "test_code": "from solution import double\n\ndef test_double():\n    assert double(math.pi) == 2 * math.pi",
        "style": "instruct",
        "subset": "Made",
        "gpt_difficulty": "easy",
        "gpt_pass_percentage": 0.5,
        "conversations": [],
    }
    return {**row, **changes}


def lcb_row(**changes: object) -> dict[str, object]:
    row = {
        "question_id": "abc900_a",
        "question_title": "Sum",
        "question_content": "Read two numbers and print their sum.",
        "platform": "atcoder",
        "contest_date": "2024-01-01T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "output_list": ["```python\nprint(1)\n```"],
        "code_list": ["print(1)"],
        "graded_list": [False],
    }
    return {**row, **changes}


def pack_row(**changes: object) -> dict[str, object]:
    row = {
        **humaneval_row(),
        "task_id": "Python/900",
        "test": "def check(halve):\n    assert halve(5) == 2\n\ncheck(halve)",
        "buggy_solution": "    return math.ceil(n / 2)\n",
        "bug_type": "function misuse",
        "failure_symptoms": "incorrect output",
    }
    return {**row, **changes}


def magicoder_row(**changes: object) -> dict[str, object]:
    row = {
        "lang": "python",
        "raw_index": 7,
        "index": 9,
        "seed": "total += x",
        "openai_fingerprint": "fp_1",
        "problem": "Write `add_up(xs)`, which returns the sum of a list.",
        "solution": "So:\n```python\ndef add_up(xs):\n    return sum(xs)\n```\nThat is all.",
    }
    return {**row, **changes}


def jsonl(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def namespace_of(problem: Problem) -> dict[str, object]:
    """What the reference solution defines; safe to run here, for the tests' own rows only."""
    namespace: dict[str, object] = {}
    exec(problem.reference_solution or "", namespace)
    return namespace


def test_humaneval_completes_the_prompt(tmp_path: Path) -> None:
    [problem] = load("humaneval", jsonl(tmp_path / "rows.jsonl", humaneval_row()))
    assert problem.statement == problem.starter_code == humaneval_row()["prompt"]
    assert namespace_of(problem)["halve"](5) == 2  # type: ignore[operator]
    assert [test.kind for test in problem.tests] == ["check"]
    assert (problem.id, problem.entry_point, problem.source) == ("HumanEval/900", "halve", "humaneval")


def test_compressed_and_parquet_files_give_the_same_problems(tmp_path: Path) -> None:
    plain = jsonl(tmp_path / "rows.jsonl", humaneval_row())
    zipped = tmp_path / "rows.jsonl.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    array = tmp_path / "rows.json"
    array.write_text(json.dumps([humaneval_row()]))
    saved = tmp_path / "problems.parquet"
    save_problems(saved, load("humaneval", plain))
    assert load("humaneval", plain) == load("humaneval", zipped) == load("humaneval", array) == load("problems", saved)


@pytest.mark.parametrize(
    "body",
    [
        "  total = 0\n  return sum(items) + total\n",
        "\treturn sum(items)\n",
        "# as simple as it is\n return sum(items)\n",
        "\n    return sum(items)\n",
    ],
)
def test_mbpp_bodies_of_any_indentation_make_a_program(tmp_path: Path, body: str) -> None:
    [problem] = load("mbpp", jsonl(tmp_path / "rows.jsonl", mbpp_row(canonical_solution=body)))
    assert namespace_of(problem)["add_up"]([1, 2]) == 3  # type: ignore[operator]
    assert ast.get_docstring(ast.parse(problem.reference_solution or "").body[0]) == "Write a function to add up a list."  # type: ignore[arg-type]


def test_mbpp_tests_become_a_script_of_asserts(tmp_path: Path) -> None:
    [problem] = load("mbpp", jsonl(tmp_path / "rows.jsonl", mbpp_row()))
    assert [test.kind for test in problem.tests] == ["asserts"]
    exec(problem.tests[0].code, namespace_of(problem))  # type: ignore[union-attr]
    with pytest.raises(AssertionError):
        exec(problem.tests[0].code, {"add_up": len})  # type: ignore[union-attr]


def test_mbpp_entry_point_is_what_the_tests_call(tmp_path: Path) -> None:
    row = mbpp_row(
        prompt="def helper(n):\n    '''\n    Write a function to check a number.\n    '''\n",
        entry_point="helper",
        canonical_solution="    return -n\ndef check(n):\n    return helper(n) == -7\n",
        test="def check(candidate):\n    assert check(7) == True\n",
    )
    [problem] = load("mbpp", jsonl(tmp_path / "rows.jsonl", row))
    assert problem.entry_point == "check"
    assert "def check(n):" in problem.statement
    exec(problem.tests[0].code, namespace_of(problem))  # type: ignore[union-attr]


def test_leetcode_starter_code_makes_an_answer_runnable(tmp_path: Path) -> None:
    [problem] = load("leetcode", jsonl(tmp_path / "rows.jsonl", leetcode_row()))
    answer = "class Solution:\n    def countTo(self, n: int) -> List[int]:\n        return [*range(n)]\n"
    with pytest.raises(NameError):
        exec(answer, {})
    exec(runnable(problem, answer), {})
    assert problem.model_extra == {"difficulty": "Easy"}
    assert "class Solution" not in problem.starter_code
    assert "class Solution" in problem.statement


def test_kodcode_statement_names_what_the_tests_need(tmp_path: Path) -> None:
    told = kodcode_row(question_id="told", question="Complete `def double(x)`.")
    [untold, named] = load("kodcode", jsonl(tmp_path / "rows.jsonl", kodcode_row(), told))
    assert "def double(x: float) -> float:" in untold.statement
    assert named.statement == told["question"]
    assert untold.entry_point == named.entry_point == "double"


def test_kodcode_classes_are_declared_with_their_constructor_and_are_no_entry_point(tmp_path: Path) -> None:
    solution = "class Node:\n    def __init__(self, val=0):\n        self.val = val\n\ndef value(node):\n    return node.val"
    tests = "def test_value():\n    assert value(Node(3)) == 3"
    [problem] = load("kodcode", jsonl(tmp_path / "rows.jsonl", kodcode_row(solution=solution, test_code=tests)))
    assert "class Node:\n    def __init__(self, val=0):\ndef value(node):" in problem.statement
    assert problem.entry_point == "value"


def test_kodcode_tests_keep_their_imports_from_the_future_first(tmp_path: Path) -> None:
    code = '"""Doubles."""\nfrom __future__ import annotations\n\ndef test_double():\n    assert double(1) == 2'
    [problem] = load("kodcode", jsonl(tmp_path / "rows.jsonl", kodcode_row(test_code=code)))
    [test] = problem.tests
    compile(test.code, "test_solution.py", "exec")
    assert "from solution import *" in test.code


def test_kodcode_tests_get_the_imports_that_they_lack(tmp_path: Path) -> None:
    bare = kodcode_row(question_id="bare", test_code="def test_double():\n    assert double(1) == 2")
    [modules, names] = load("kodcode", jsonl(tmp_path / "rows.jsonl", kodcode_row(), bare))
    assert modules.tests[0].code.startswith("import math\n")  # type: ignore[union-attr]
    assert names.tests[0].code.startswith("from solution import *\n")  # type: ignore[union-attr]


def test_livecodebench_problems_have_no_tests_and_the_method_as_entry_point(tmp_path: Path) -> None:
    method = lcb_row(question_id="900", starter_code="class Solution:\n    def f(self, n: int) -> int:\n        ")
    path = tmp_path / "rows.json.gz"
    path.write_bytes(gzip.compress(json.dumps([lcb_row(), method]).encode()))
    script, solution = load("lcb", path)
    assert (script.entry_point, solution.entry_point) == (None, "Solution().f")
    assert script.tests == solution.tests == []
    assert "class Solution:" in solution.statement
    exec(runnable(solution, "def f(xs: List[int]) -> Counter:\n    return Counter(xs)\nassert pow(3, 2, 5) == 4"), {})


def test_humanevalpack_test_script_calls_its_own_check(tmp_path: Path) -> None:
    [problem] = load("humanevalpack", jsonl(tmp_path / "rows.jsonl", pack_row()))
    exec(problem.tests[0].code, namespace_of(problem))  # type: ignore[union-attr]
    assert problem.tests[0].kind == "asserts"
    assert (problem.model_extra or {})["bug_type"] == "function misuse"


def test_magicoder_keeps_python_and_takes_the_program_out_of_the_answer(tmp_path: Path) -> None:
    rows = [
        magicoder_row(),
        magicoder_row(lang="rust", solution="```rust\nfn main() {}\n```"),
        magicoder_row(index=10, solution="I would rather not."),
        magicoder_row(index=11, problem="Add up a list."),
    ]
    known, wordless, nameless = load("magicoder", jsonl(tmp_path / "rows.jsonl", *rows))
    assert (known.id, known.entry_point, known.tests) == ("magicoder/7-9", "add_up", [])
    assert namespace_of(known)["add_up"]([1, 2]) == 3  # type: ignore[operator]
    assert (wordless.reference_solution, wordless.entry_point) == (None, None)
    assert nameless.reference_solution is not None
    assert nameless.entry_point is None, "nobody told the policy what its function is to be called"


@pytest.mark.parametrize(
    ("name", "row", "complaint"),
    [
        ("humaneval", humaneval_row(entry_point=None), "row 2: entry_point"),
        ("humaneval", humaneval_row(prompt=""), "row 2: canonical_solution"),
        ("humaneval", humaneval_row(canonical_solution="    return ("), "row 2: canonical_solution: the program is not Python"),
        ("humaneval", humaneval_row(canonical_solution="    pass\n"), "row 2: canonical_solution"),
        ("humaneval", humaneval_row(task_id="other", entry_point="third"), "does not define what the tests call"),
        ("humaneval", humaneval_row(task_id="first"), "row 2: the id 'first' occurs a second time"),
        ("mbpp", mbpp_row(prompt="no code at all"), "row 2: prompt: no function definition"),
        ("mbpp", mbpp_row(test="assert True"), "row 2: test"),
        ("leetcode", leetcode_row(meta={}), "row 2: meta.difficulty"),
        ("kodcode", kodcode_row(test_code="def test(:"), "row 2: test_code"),
        ("kodcode", kodcode_row(gpt_pass_percentage="half"), "row 2: gpt_pass_percentage"),
        ("lcb", lcb_row(question_content="", starter_code=""), "row 2: statement"),
        ("humanevalpack", pack_row(bug_type=7), "row 2: bug_type"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, name: str, row: dict[str, object], complaint: str) -> None:
    makers = {
        "humaneval": humaneval_row(task_id="first"),
        "mbpp": mbpp_row(task_id="first"),
        "leetcode": leetcode_row(task_id="first"),
        "kodcode": kodcode_row(question_id="first"),
        "lcb": lcb_row(question_id="first"),
        "humanevalpack": pack_row(task_id="first"),
    }
    path = jsonl(tmp_path / "rows.jsonl", makers[name], row)
    with pytest.raises(DataError, match=r"rows\.jsonl") as error:
        load(name, path)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("rows.json", b"{}", "not a list"),
        ("rows.json", b"[", "cannot be read as JSON"),
        ("rows.json.gz", b"not gzip", "cannot be read as JSON"),
        ("rows.json", b"\xff\xfe\x00", "cannot be read as JSON"),
        ("rows.jsonl", b'{"task_id": 1', "row 1: not JSON"),
        ("rows.csv", b"", "unknown file type"),
    ],
)
def test_a_broken_file_is_a_data_error(tmp_path: Path, file: str, content: bytes, complaint: str) -> None:
    path = tmp_path / file
    path.write_bytes(content)
    with pytest.raises(DataError, match=complaint):
        load("humaneval", path)


def test_an_absent_file_and_an_unknown_source_say_so(tmp_path: Path) -> None:
    for file in ("rows.jsonl", "rows.json.gz"):
        with pytest.raises(DataError, match="does not exist") as error:
            load("humaneval", tmp_path / file)
        assert error.value.kind == "no_such_file"
    with pytest.raises(ConfigurationError, match=r"humaneval_minus.*mbpp"):
        load("humaneval_minus", tmp_path / "rows.jsonl")


@given(st.text(max_size=200))
def test_no_text_is_turned_into_anything_but_a_problem_or_a_data_error(text: str) -> None:
    """Free text in every column of a row: a problem comes out, or a complaint that names the row."""
    for convert, record, row in (
        (humaneval.to_problem, humaneval.HumanEvalRecord, humaneval_row()),
        (mbpp._problem, humaneval.HumanEvalRecord, mbpp_row()),
        (kodcode._problem, kodcode.KodCodeRecord, kodcode_row()),
    ):
        for column, value in row.items():
            if not isinstance(value, str):
                continue
            result = problem_or_complaint(record.model_validate({**row, column: text}), convert)
            assert isinstance(result, Problem) or "file, row 1" in result


def problem_or_complaint(record: Record, convert: Callable[[Any], Problem]) -> Problem | str:
    try:
        return each("file", [record], convert)[0]
    except DataError as error:
        return str(error)


def test_a_plugin_adds_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "my_lab_sources.py"
    module.write_text(
        "from code_reward.problem import Problem\n"
        "from data_prep.sources import Source\n"
        "def read(path):\n    return [Problem(id='1', statement=path.read_text().strip())]\n"
        "def register(registry):\n    registry.add('problem_source', 'my_lab', Source(read, 'our lab'))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = EntryPoint("my-lab", "my_lab_sources:register", plugins.GROUP)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [found] if group == plugins.GROUP else [])
    plugins.forget()
    try:
        (tmp_path / "task.txt").write_text("Say hello.")
        assert load("my_lab", tmp_path / "task.txt")[0].statement == "Say hello."
        assert {"my_lab", "humaneval"} <= set(SOURCES.names())
        (tmp_path / "task.txt").write_text(" ")
        told = r"task\.txt: a row makes no problem \(statement: String should .*\); correct it, or the source that reads it\."
        with pytest.raises(DataError, match=told):
            load("my_lab", tmp_path / "task.txt")
        with pytest.raises(DataError, match=told):
            list(SOURCES.get("my_lab").survey(tmp_path / "task.txt"))
    finally:
        plugins.forget()


def test_every_source_says_where_it_comes_from() -> None:
    for name in SOURCES.built_in:
        source = SOURCES.get(name)
        assert isinstance(source, Source)
        assert source.origin


def test_the_command_writes_what_it_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = jsonl(tmp_path / "rows.jsonl", humaneval_row(), humaneval_row(task_id="HumanEval/901"))
    main(Sources(name="humaneval", path=[path], out=tmp_path / "out.parquet", _cli_parse_args=False))
    assert len(load_problems(tmp_path / "out.parquet")) == 2
    assert "2 problems" in capsys.readouterr().out


def test_verification_leaves_out_a_problem_whose_reference_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = humaneval_row(task_id="wrong", canonical_solution="    return n\n")
    path = jsonl(tmp_path / "rows.jsonl", humaneval_row(), wrong)
    main(Sources(name="humaneval", path=[path], out=tmp_path / "out.jsonl", verify=True, _cli_parse_args=False))
    assert [problem.id for problem in load_problems(tmp_path / "out.jsonl")] == ["HumanEval/900"]
    assert "left out: wrong" in capsys.readouterr().out


def test_a_sandbox_that_fails_leaves_no_problem_out_and_verification_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_prep.label.RETRY_SECONDS", 0.0)
    unlucky = humaneval_row(task_id="unlucky", canonical_solution="    return n // 2\n")
    settings = {"name": "humaneval", "path": [jsonl(tmp_path / "rows.jsonl", humaneval_row(), unlucky)], "verify": True}
    runs = []

    class Flaky:
        """Cannot run what holds `fails_on`; everything else passes."""

        fails_on = "n // 2"

        async def run(self, program: str, tests: object, **more: object) -> Outcome:
            runs.append(program)
            if self.fails_on and self.fails_on in program:
                return Outcome(kind="sandbox_error", message="no worker")
            return Outcome.model_validate({"kind": "passed", "tests": [{"kind": "passed"}]})

        async def close(self) -> None:
            pass

    sandbox = Flaky()
    monkeypatch.setattr("reward_servers.sandbox.connect", lambda url: sandbox)
    with pytest.raises(SandboxError, match="on 1 references, such as that of 'unlucky'; mend it"):
        main(Sources(**settings, out=tmp_path / "out.jsonl", _cli_parse_args=False))
    assert not (tmp_path / "out.jsonl").exists()
    runs.clear()
    sandbox.fails_on = ""
    main(Sources(**settings, out=tmp_path / "out.jsonl", _cli_parse_args=False))
    assert len(load_problems(tmp_path / "out.jsonl")) == 2
    assert len(runs) == 1, "the other was on record"


@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("humaneval", "problems/humaneval.jsonl.gz", 164),
        ("mbpp", "problems/mbpp_sanitized.jsonl", 427),
        ("leetcode", "problems/leetcode_train.jsonl.gz", 1890),
        ("kodcode", "problems/kodcode_sample.json.gz", 172),
        ("lcb", "candidates/lcb_o1mini.json.gz", 110),
        ("humanevalpack", "pairs/humanevalpack_python.jsonl", 164),
    ],
)
def test_published_files_load_whole(real_data: Path, name: str, file: str, count: int) -> None:
    problems = load(name, real_data / file)
    assert len(problems) == count
    assert all(problem.statement.strip() for problem in problems)
    if name != "lcb":
        assert all(problem.tests and problem.reference_solution for problem in problems)
        assert sum(problem.entry_point is None for problem in problems) <= 6, "only KodCode tasks with two functions"


def test_a_file_without_problems_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(DataError, match="No problem came of"):
        main(Sources(name="humaneval", path=[tmp_path / "empty.jsonl"], out=tmp_path / "out.jsonl", _cli_parse_args=False))
    assert not (tmp_path / "out.jsonl").exists()
