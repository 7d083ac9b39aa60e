"""Prompt data: what gets in, what is dropped and counted, and that slime's hooks can read it."""

import gzip
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet
import pytest
from code_reward_slime.task import problem_of, task_of
from hypothesis import given
from hypothesis import strategies as st
from published_rows import PUBLISHED

from code_reward.errors import CodeRewardError, ConfigurationError, DataError
from code_reward.problem import CallTest, Problem, StdioTest, load_problems
from data_prep.prompts.__main__ import Prompts, main
from data_prep.prompts.decontamination import BOILERPLATE, WORDS, Benchmarks, read_benchmark
from data_prep.prompts.filters import choose
from data_prep.sources import load


def oci_row(**changes: object) -> dict[str, object]:
    row = {
        "id": "oci-1",
        "input": "Write a function `add_up` that returns the sum of a list of integers.",
        "output": "```python\ndef add_up(items):\n    return sum(items)\n```",
        "domain": "generic",
        "generation_algorithm": "self-instruct",
        "llm_judgement": "{}",
        "unit_tests": json.dumps(["\nassert add_up([1, 2]) == 3\n", "\nassert add_up([]) == 0\n"]),
        "tests_execution_status": '["pass", "pass"]',
        "average_test_score": "1.0",
    }
    return {**row, **changes}


def task(number: int, **changes: object) -> dict[str, object]:
    return {"id": f"p{number}", "statement": f"Return the number {number} from a function.", **changes}


def jsonl(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make(tmp_path: Path, source: str, path: Path, **settings: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    out = tmp_path / "out" / "prompts.jsonl"
    main(Prompts(source=source, path=[path], out=out, _cli_parse_args=False, **settings))
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    return rows, json.loads((tmp_path / "out" / "prompts.report.json").read_text())


# Sources


def test_open_code_instruct_becomes_one_script_of_asserts(tmp_path):
    [problem] = load("opencodeinstruct", jsonl(tmp_path / "oci.jsonl", oci_row()))
    assert problem.entry_point == "add_up"
    assert problem.tests[0].code == "assert add_up([1, 2]) == 3\nassert add_up([]) == 0"
    assert problem.reference_solution == "def add_up(items):\n    return sum(items)"
    assert problem.model_extra["average_test_score"] == 1.0


def test_an_answer_that_failed_some_tests_is_no_reference_but_tells_the_entry_point(tmp_path):
    row = oci_row(input="Sum a list.", output="def add_up(items):\n    return 0", average_test_score="0.5")
    [problem] = load("opencodeinstruct", jsonl(tmp_path / "oci.jsonl", row))
    assert problem.reference_solution is None
    assert problem.statement.endswith("The program must define:\n```python\ndef add_up(items):\n```")


@pytest.mark.parametrize(
    ("columns", "tests", "entry_point"),
    [
        ({"tests": json.dumps({"inputs": ["1\n"], "outputs": ["2\n"]})}, [StdioTest(stdin="1\n", stdout="2\n")], None),
        ({"tests": {"inputs": [["1", "2"]], "outputs": [["3"]]}}, [StdioTest(stdin="1\n2", stdout="3")], None),
        (
            {"tests": {"fn_name": "f", "inputs": [[1, [2]]], "outputs": [[3]]}},
            [CallTest(args="[1, [2]]", expected="[3]", atol=1e-9, compare="boxed")],
            "f",
        ),
        ({"tests": [{"type": "stdin_stdout", "input": "1", "output": "2"}]}, [StdioTest(stdin="1", stdout="2")], None),
        (
            {"tests": [{"type": "function_call", "fn_name": "f", "input": [1], "output": [None]}]},
            [CallTest(args="[1]", expected="[None]", atol=1e-9, compare="boxed")],
            "f",
        ),
        (
            {
                "tests": [{"testtype": "functional", "input": "[1]\ntrue", "output": "[1]"}],
                "metadata": '{"func_name": "go"}',
                "starter_code": "class Solution:\n    def go(self, a, b):\n",
            },
            [CallTest(args="[[1], True]", expected="[1]", atol=1e-9, compare="json")],
            "Solution().go",
        ),
    ],
)
def test_every_shape_of_deepcoder_tests_is_read(tmp_path, columns, tests, entry_point):
    [problem] = load("deepcoder", jsonl(tmp_path / "rows.jsonl", {"problem": "Do it.", **columns}))
    assert problem.tests == tests
    assert problem.entry_point == entry_point


@pytest.mark.parametrize(
    ("source", "row"),
    [
        ("opencodeinstruct", oci_row(input="")),
        ("opencodeinstruct", oci_row(unit_tests="not json")),
        ("opencodeinstruct", oci_row(unit_tests='["assert ("]')),
        ("opencodeinstruct", oci_row(average_test_score="good")),
        ("deepcoder", {"problem": "Do it.", "tests": "12"}),
        ("deepcoder", {"problem": "Do it.", "tests": [{"input": "1"}]}),
        ("deepcoder", {"problem": " ", "tests": []}),
        ("deepcoder", {"problem": "Do it.", "tests": [{"type": "functional", "input": "1", "output": "3"}]}),
        (
            "deepcoder",
            {
                "problem": "Do it.",
                "tests": [
                    {"type": "function_call", "fn_name": "f", "input": [1], "output": [3]},
                    {"type": "stdin_stdout", "input": "1", "output": "3"},
                ],
            },
        ),
        (
            "deepcoder",
            {"problem": "Do it.", "tests": [{"testtype": "functional", "input": "{", "output": "1"}], "metadata": {"func_name": "f"}},
        ),
    ],
)
def test_a_malformed_row_is_an_error_of_the_source_and_a_count_of_the_prompts(tmp_path, source, row):
    path = jsonl(tmp_path / "rows.jsonl", row)
    with pytest.raises(DataError, match="row 1"):
        load(source, path)
    with pytest.raises(DataError, match=r"No row became a prompt \(1 rows read, .*; give other rows"):
        make(tmp_path, source, path)
    assert not (tmp_path / "out").exists()


def test_a_few_malformed_rows_cost_no_more_than_themselves(tmp_path):
    rows, report = make(tmp_path, "opencodeinstruct", jsonl(tmp_path / "oci.jsonl", oci_row(id="bad", input=""), oci_row()))
    assert [row["metadata"]["id"] for row in rows] == ["oci-1"]
    assert report["dropped"]["malformed"]["count"] == 1
    assert "oci.jsonl, row 1: statement" in report["dropped"]["malformed"]["examples"][0]


def test_kodcode_v1_names_its_tests_otherwise(tmp_path):
    row = {
        "version": "v1.0",
        "style": "instruct",
        "subset": "Made",
        "question_id": "Made_1_I",
        "question": "Double a number.",
        "solution": "def double(x):\n    return 2 * x",
        "test": "from solution import double\n\ndef test_double():\n    assert double(1) == 2",
        "gpt_difficulty": "easy",
        "gpt_pass_percentage": 0.5,
    }
    [problem] = load("kodcode", jsonl(tmp_path / "rows.jsonl", row))
    assert problem.entry_point == "double"


# Rows


def test_slimes_hooks_read_what_is_written(tmp_path):
    [row], _ = make(tmp_path, "opencodeinstruct", jsonl(tmp_path / "oci.jsonl", oci_row()))
    sample = SimpleNamespace(prompt=row["prompt"], metadata=row["metadata"])
    assert task_of(sample).source == "metadata"
    assert problem_of(sample).tests[0].kind == "asserts"
    assert task_of(sample).statement in row["prompt"][0]["content"]
    assert "block" in row["prompt"][0]["content"]
    assert "block" not in task_of(sample).statement
    assert row["label"].startswith("def add_up")


def test_without_an_instruction_the_prompt_is_the_statement(tmp_path):
    [row], _ = make(tmp_path, "problems", jsonl(tmp_path / "p.jsonl", task(1)), instruction="")
    assert row["prompt"] == [{"role": "user", "content": row["metadata"]["statement"]}]


def test_problems_are_the_same_ones_for_entry_points_that_read_problems(tmp_path):
    path = jsonl(tmp_path / "oci.jsonl", oci_row(), oci_row(id="oci-2", input="Write `add_up` again, for floats."))
    rows, _ = make(tmp_path, "opencodeinstruct", path)
    make(tmp_path, "opencodeinstruct", path, as_problems=True)
    problems = load_problems(tmp_path / "out" / "prompts.jsonl")
    assert [problem.id for problem in problems] == [row["metadata"]["id"] for row in rows]
    assert problems[0].tests
    assert problems[0].reference_solution


# What is dropped


def test_each_reason_is_counted_and_the_sum_is_what_was_read(tmp_path):
    against = jsonl(tmp_path / "bench.jsonl", {"prompt": "Return the number 7 from a function."})
    path = jsonl(
        tmp_path / "p.jsonl",
        task(1, tests=[{"kind": "asserts", "code": "assert f() == 1"}], level="easy"),
        task(2, statement="return THE number  1 from a function.", tests=[{"kind": "asserts", "code": "1"}], level="easy"),
        task(3, level="easy"),
        task(4, tests=[{"kind": "asserts", "code": "1"}], level="hard"),
        task(5, statement="x" * 100, tests=[{"kind": "asserts", "code": "1"}], level="easy"),
        task(7, tests=[{"kind": "asserts", "code": "1"}], level="easy"),
        task(8, tests=[{"kind": "asserts", "code": "1"}], level="easy"),
    )
    settings = {"with_tests": True, "where": {"level": "easy"}, "max_characters": 90, "against": [against], "limit": 1}
    rows, report = make(tmp_path, "problems", path, **settings)
    assert {reason: loss["count"] for reason, loss in report["dropped"].items()} == dict.fromkeys(
        ["duplicate", "too_long", "no_tests", "unwanted", "contaminated", "surplus"], 1
    )
    assert report["read"] == 7 == len(rows) + sum(loss["count"] for loss in report["dropped"].values())
    assert f"7 ({against}: 'return the number 7 from a function')" in report["dropped"]["contaminated"]["examples"][0]


def test_columns_are_compared_as_numbers_too(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", task(1, rate=0.5), task(2, rate=0.2))
    rows, _ = make(tmp_path, "problems", path, at_least={"rate": 0.4})
    assert [row["metadata"]["id"] for row in rows] == ["p1"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"where": {"colour": "red"}}, "no column 'colour'"),
        ({"at_least": {"statement": 1}}, "no number"),
        ({"held_out": 1}, "Only 0 problems have tests"),
        ({"hub": "somebody/something"}, "--path, or its name on the hub"),
        ({"against": [Path("nowhere.jsonl")]}, "nowhere.jsonl does not exist"),
    ],
)
def test_wrong_settings_are_named_and_nothing_is_written(tmp_path, settings, message):
    path = jsonl(tmp_path / "p.jsonl", task(1))
    with pytest.raises(CodeRewardError, match=message):
        make(tmp_path, "problems", path, **settings)
    assert not (tmp_path / "out").exists()


def test_output_must_be_of_a_kind_that_a_trainer_reads(tmp_path):
    with pytest.raises(ConfigurationError, match=r"\.jsonl \(slime\) or \.parquet \(verl\)"):
        main(Prompts(source="problems", path=[tmp_path / "p.jsonl"], out=tmp_path / "prompts.csv", _cli_parse_args=False))


def test_the_ending_parquet_gives_verls_columns(tmp_path):
    out = tmp_path / "prompts.parquet"
    tests = [{"kind": "asserts", "code": "assert f() == 1"}]
    path = jsonl(tmp_path / "p.jsonl", task(1, tests=tests), task(2, tests=tests))
    main(Prompts(source="problems", path=[path], out=out, held_out=1, _cli_parse_args=False))
    [row] = pyarrow.parquet.read_table(out).to_pylist()
    assert row.keys() == {"data_source", "prompt", "ability", "reward_model", "extra_info"}
    assert row["prompt"][0]["content"].startswith(row["extra_info"]["statement"])
    assert json.loads(row["extra_info"]["tests"])[0]["kind"] == "asserts"
    assert (tmp_path / "prompts.held_out.parquet").exists()
    assert (tmp_path / "prompts.report.json").exists()


def test_two_benchmarks_whose_files_have_one_name_are_both_kept_out(tmp_path):
    benchmarks = {"humaneval": "Return the number 7 from a function.", "mbpp": "Return the number 8 from a function."}
    against = []
    for name, prompt in benchmarks.items():
        (tmp_path / name).mkdir()
        against.append(jsonl(tmp_path / name / "test.jsonl", {"prompt": prompt}))
    path = jsonl(tmp_path / "p.jsonl", task(1), task(7), task(8))
    rows, report = make(tmp_path, "problems", path, against=against)
    assert [row["metadata"]["id"] for row in rows] == ["p1"]
    assert report["benchmarks"] == {str(one): 1 for one in against}
    assert report["inputs"].keys() == {str(one) for one in (path, *against)}


# Choice


def test_the_same_input_and_seed_give_the_same_bytes_and_another_seed_another_choice(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", *(task(number, tests=[{"kind": "asserts", "code": "1"}]) for number in range(40)))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make(tmp_path / name, "problems", path, limit=10, held_out=5)
    made = [{file.name: file.read_bytes() for file in (tmp_path / name / "out").iterdir()} for name in ("a", "b")]
    assert made[0] == made[1]
    assert made[0].keys() == {"prompts.jsonl", "prompts.held_out.jsonl", "prompts.report.json"}
    (tmp_path / "c").mkdir()
    other, _ = make(tmp_path / "c", "problems", path, limit=10, held_out=5, seed=7)
    assert {row["metadata"]["id"] for row in other} != {
        json.loads(line)["metadata"]["id"] for line in made[0]["prompts.jsonl"].splitlines()
    }


def test_no_problem_is_both_a_prompt_and_held_out(tmp_path):
    path = jsonl(tmp_path / "p.jsonl", *(task(number, tests=[{"kind": "asserts", "code": "1"}]) for number in range(20)))
    rows, _ = make(tmp_path, "problems", path, held_out=8)
    held_out = [json.loads(line)["metadata"]["id"] for line in (tmp_path / "out" / "prompts.held_out.jsonl").read_text().splitlines()]
    assert len(rows) == 12
    assert not {row["metadata"]["id"] for row in rows} & set(held_out)


def test_the_choice_does_not_depend_on_the_order_of_the_file():
    problems = [Problem(id=str(number), statement="s") for number in range(30)]
    assert choose(problems, 5, 1) == choose(problems[::-1], 5, 1)


# Decontamination


def test_case_punctuation_and_line_breaks_do_not_hide_a_benchmark():
    benchmarks = Benchmarks({"b": ["Given a list of integers, return the two largest ones in descending order please."]})
    found = benchmarks.find("Hello!\nGIVEN a list -- of integers; return the two\nlargest ones, in descending order. Thanks")
    assert found is not None
    assert found.benchmark == "b"
    assert benchmarks.find("Given a list of integers, sort it.") is None


def test_a_short_prompt_counts_as_a_whole_and_a_very_short_one_not_at_all():
    benchmarks = Benchmarks({"b": ["Reverse the words of this.", "Sort a list."]})
    assert benchmarks.find("Please reverse the words of this text") is not None
    assert benchmarks.find("Sort a list. Then print it.") is None


def test_boilerplate_of_a_benchmark_identifies_nothing():
    boilerplate = "the input is given from standard input in the following format"
    many = [f"Task {number} alpha beta {boilerplate}" for number in range(BOILERPLATE + 1)]
    assert Benchmarks({"b": many}).find(boilerplate) is None
    assert Benchmarks({"b": many[:-1]}).find(boilerplate) is not None


words = st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta", "x", "7"]), min_size=WORDS, max_size=30)


@given(words, words, st.integers(0, 20))
def test_a_run_that_is_there_is_found_wherever_it_stands(prompt, around, place):
    benchmarks = Benchmarks({"b": [" ".join(prompt)]})
    text = " ".join([*around[:place], *prompt, *around[place:]])
    assert benchmarks.find(text) is not None


@given(st.text(max_size=300))
def test_any_text_can_be_compared(text):
    found = Benchmarks({"b": [text]}).find(text)
    assert found is None or found.benchmark == "b"


@pytest.mark.parametrize("column", ["prompt", "question_content", "instruct_prompt", "statement", "text"])
def test_benchmarks_are_read_as_they_are_published(tmp_path, column):
    path = tmp_path / "bench.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({column: "Do it.", "other": 1}).encode()))
    assert read_benchmark(path) == ["Do it."]


def test_a_benchmark_without_prompts_is_an_error(tmp_path):
    with pytest.raises(DataError, match="row 1: the columns are answer, and none of statement"):
        read_benchmark(jsonl(tmp_path / "bench.jsonl", {"answer": "?"}))
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match="holds no prompt"):
        read_benchmark(tmp_path / "empty.jsonl")


def near_doubles(problem: Problem) -> dict[str, str]:
    """The statement as others publish it again."""
    text, names = problem.statement, set(re.findall(r"(?:def|class)\s+(\w+)", problem.statement))
    renamed = text
    for name in names:
        renamed = re.sub(rf"\b{name}(?=\s*[(:])", "another_name", renamed)
    cut = re.sub(r"(?m)^\s*>>>.*\n(?:.*\n)?", "", re.split(r"(?im)^\W*examples?\b[^\n]{0,9}:", text)[0])
    return {
        "itself": text,
        "renamed": renamed,
        "white space": re.sub(r"\s+", " \n\t", text),
        "examples cut off": cut if len(cut) > 40 else text,
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_set_is_known_again_to_the_last_copy(tmp_path, name):
    path = jsonl(tmp_path / "rows.jsonl", *PUBLISHED[name])
    benchmarks = Benchmarks({"b": read_benchmark(path)})
    for problem in load(name, path):
        assert [how for how, text in near_doubles(problem).items() if not benchmarks.find(text)] == []
    assert benchmarks.find("Given the heights of some trees, count those that a bird can see from the north.") is None


def test_a_column_of_imports_is_not_taken_for_one_of_tasks(tmp_path):
    rows = [{"task_id": str(number), "prompt": "from typing import *\nimport math\n"} for number in range(9)]
    with pytest.raises(DataError, match="9 rows say only 1 different things in the columns that are compared, of task_id, prompt"):
        read_benchmark(jsonl(tmp_path / "bench.jsonl", *rows))


def test_without_a_benchmark_the_report_says_so(tmp_path, capsys):
    make(tmp_path, "problems", jsonl(tmp_path / "p.jsonl", task(1)))
    assert "NOT compared with any benchmark" in capsys.readouterr().out


# The hub


@pytest.mark.integration
def test_a_data_set_is_read_by_name(tmp_path):
    """With a local folder in the place of the hub, through the same library."""
    (tmp_path / "set").mkdir()
    jsonl(tmp_path / "set" / "train.jsonl", *(oci_row(id=str(number), input=f"Task {number}: write `add_up`.") for number in range(5)))
    out = tmp_path / "prompts.jsonl"
    main(Prompts(source="opencodeinstruct", hub=str(tmp_path / "set"), rows=3, out=out, _cli_parse_args=False))
    assert len(out.read_text().splitlines()) == 3
    with pytest.raises(ConfigurationError, match="cannot be had"):
        main(Prompts(source="opencodeinstruct", hub=str(tmp_path / "absent"), out=out, _cli_parse_args=False))


# Real data


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("humaneval", "problems/humaneval.jsonl.gz"),
        ("mbpp", "problems/mbpp_sanitized.jsonl"),
        ("leetcode", "problems/leetcode_train.jsonl.gz"),
        ("kodcode", "problems/kodcode_sample.json.gz"),
        ("lcb", "candidates/lcb_o1mini.json.gz"),
        ("humanevalpack", "pairs/humanevalpack_python.jsonl"),
    ],
)
def test_whole_benchmarks_are_known_again_to_the_last_copy(real_data, name, file):
    benchmarks = Benchmarks({name: read_benchmark(real_data / file)})
    for problem in load(name, real_data / file):
        assert [how for how, text in near_doubles(problem).items() if not benchmarks.find(text)] == [], problem.id


def test_a_tenth_of_kodcodes_sample_is_too_close_to_mbpp(tmp_path, real_data):
    problems = real_data / "problems"
    against = [problems / "humaneval.jsonl.gz", problems / "mbpp_sanitized.jsonl"]
    rows, report = make(tmp_path, "kodcode", problems / "kodcode_sample.json.gz", against=against)
    assert report["read"] == 172
    assert 0 < report["dropped"]["contaminated"]["count"] < 20
    benchmarks = Benchmarks({path.name: read_benchmark(path) for path in against})
    assert not [row for row in rows if benchmarks.find(row["metadata"]["statement"])]
