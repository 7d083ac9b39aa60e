import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.verdicts import Judged
from code_reward.errors import ConfigurationError, DataError
from code_reward.rows import read_rows, write_rows
from data_prep.candidates import POOLS, Candidate, load_candidates
from data_prep.candidates.__main__ import Candidates, main
from data_prep.candidates.completions import STOP_SEQUENCES, cut

PROMPT = 'def halve(n):\n    """ Half of n. """\n'


def write(path: Path, content: object) -> Path:
    text = json.dumps(content)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def qwen(verdict: object) -> dict[str, object]:
    return {"generations": [{"task_id": "HumanEval/900", "completion": "def halve(n): return n / 2"}], "eval": {"HumanEval/900": verdict}}


def test_a_completion_ends_where_its_function_does() -> None:
    assert cut("    return n / 2\n\ndef other():\n    pass\n") == "    return n / 2\n"
    assert cut("    return n / 2\n\n# done\nprint(halve(3))") == "    return n / 2\n"
    assert cut("    x = 'class'\n    if x:\n        return n\n") == "    x = 'class'\n    if x:\n        return n\n"


@given(st.text(alphabet="\n#adefilprscnt ", max_size=60))
def test_cutting_leaves_no_stop_sequence_and_only_drops_an_end(completion: str) -> None:
    kept = cut(completion)
    assert completion.startswith(kept)
    assert not any(stop in kept for stop in STOP_SEQUENCES)
    assert cut(kept) == kept


def test_codegen_programs_are_prompt_and_completion(tmp_path: Path) -> None:
    row = {
        "task_id": "HumanEval/900",
        "prompt": PROMPT,
        "solutions": ["    return n / 2\n", "    return n\n\nprint(1)"],
        "entry_point": "halve",
    }
    first, second = load_candidates("codegen16b", write(tmp_path / "rows.json", [row]))
    assert first.program == PROMPT + "    return n / 2\n"
    assert second.program == PROMPT + "    return n\n"
    assert second.response == "    return n\n\nprint(1)"
    assert first.published == {}


def test_qwen_programs_are_the_judged_ones_with_both_verdicts(tmp_path: Path) -> None:
    verdict = [{"solution": PROMPT + "    return n / 2", "base_status": "pass", "plus_status": "fail", "task_id": "HumanEval/900"}]
    [candidate] = load_candidates("qwen25coder", write(tmp_path / "rows.json.gz", qwen(verdict)))
    assert candidate.program == PROMPT + "    return n / 2"
    assert candidate.response == "def halve(n): return n / 2"
    assert candidate.published == {"base": True, "plus": False}


def test_humanevalpack_gives_a_right_and_a_buggy_program(tmp_path: Path) -> None:
    row = {"task_id": "Python/900", "prompt": PROMPT, "canonical_solution": "    return n / 2\n", "buggy_solution": "    return n\n"}
    right, wrong = load_candidates("humanevalpack", write(tmp_path / "rows.json", [row]))
    assert (right.origin, right.published, right.program) == ("reference", {"tests": True}, PROMPT + "    return n / 2\n")
    assert (wrong.origin, wrong.published, wrong.program) == ("mutant", {"tests": False}, PROMPT + "    return n\n")


def test_livecodebench_keeps_output_code_and_verdict_together(tmp_path: Path) -> None:
    row = {"question_id": "900", "output_list": ["one", "two"], "code_list": ["1", "2"], "graded_list": [True, False]}
    first, second = load_candidates("lcb", write(tmp_path / "rows.json", [row]))
    assert (first.response, first.program, first.published) == ("one", "1", {"hidden": True})
    assert (second.response, second.program, second.published) == ("two", "2", {"hidden": False})


def test_a_run_of_a_benchmark_is_a_pool_with_its_judge_s_verdicts(tmp_path: Path) -> None:
    rows = [
        {
            "text": "```python\nx\n```",
            "program": "x",
            "referee": {"HumanEval": "pass", "HumanEval+": "fail"},
            "sandbox": {"HumanEval": "fail"},
        },
        {"text": "I do not know.", "program": "", "referee": {}, "sandbox": {"HumanEval": "fail", "HumanEval+": "missing"}},
    ]
    path = tmp_path / "answers.jsonl.gz"
    write_rows(path, [Judged(set="humaneval", task_id="HumanEval/900", sample=n, cut=False, tokens=3, **row) for n, row in enumerate(rows)])
    first, second = load_candidates("benchmark", path)
    assert (first.program, first.response) == ("x", "```python\nx\n```")
    assert first.published == {"HumanEval": True, "HumanEval+": False}
    assert (second.program, second.response, second.published) == ("", "I do not know.", {"HumanEval": False})


def test_kodcode_verdict_counts_only_for_the_program_that_it_is_of(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "Halve."}, {"from": "gpt", "value": "<think>x</think>\n```python\ndef h(n): return n / 2\n```"}]
    same = {"question_id": "1", "conversations": turns, "r1_solution": "def h(n): return n / 2", "r1_correctness": "True"}
    other = {"question_id": "2", "conversations": turns, "r1_solution": "def halve(n): return n / 2", "r1_correctness": "False"}
    first, second = load_candidates("kodcode", write(tmp_path / "rows.json", [same, other]))
    assert (first.published, second.published) == ({"tests": True}, {})
    assert first.response == turns[1]["value"]
    assert first.program == ""


def test_rm_bench_answers_keep_their_language(tmp_path: Path) -> None:
    row = {"id": 8, "language": "cpp", "chosen": ["a", "b"], "rejected": ["c"]}
    candidates = load_candidates("rm_bench", write(tmp_path / "rows.json", [row]))
    assert [(c.response, c.published["rm_bench"], (c.model_extra or {})["language"]) for c in candidates] == [
        ("a", True, "cpp"),
        ("b", True, "cpp"),
        ("c", False, "cpp"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("codegen16b", [{"task_id": "1", "prompt": PROMPT, "solutions": "one"}], "row 1: solutions"),
        ("qwen25coder", [], "no `generations` and `eval`"),
        ("qwen25coder", qwen([]), "row 1: HumanEval/900 has no verdict"),
        ("qwen25coder", qwen([{"solution": "x"}]), "row 1: no column base_status"),
        ("qwen25coder", {"generations": [{"task_id": "1"}], "eval": {}}, "row 1: no column completion"),
        ("humanevalpack", [{"task_id": "1", "prompt": PROMPT, "canonical_solution": ""}], "row 1: no column buggy_solution"),
        ("lcb", [{"question_id": "1", "output_list": ["a"], "code_list": [], "graded_list": [True]}], "row 1: output_list, code_list"),
        ("lcb", [{"question_id": "1", "output_list": ["a"], "code_list": ["b"], "graded_list": ["maybe"]}], "row 1: graded_list.0"),
        (
            "kodcode",
            [{"question_id": "1", "conversations": [], "r1_solution": "", "r1_correctness": "True"}],
            "row 1: conversations has no turn",
        ),
        ("rm_bench", [{"id": 8, "language": "cpp", "chosen": ["a"]}], "row 1: no column rejected"),
        ("leetcode", [{"task_id": "two-sum"}], "row 1: no column response"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, name: str, content: object, complaint: str) -> None:
    with pytest.raises(DataError) as error:
        load_candidates(name, write(tmp_path / "rows.json", content))
    assert complaint in str(error.value)
    assert "rows.json" in str(error.value)


def test_an_unknown_pool_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"codegen16b.*lcb"):
        load_candidates("codegen", tmp_path / "rows.json")


def test_the_command_writes_rows_that_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"task_id": "HumanEval/900", "prompt": PROMPT, "solutions": ["    return 1\n", "    return 1\n", "    return 2\n"]}
    path = write(tmp_path / "rows.json", [row])
    main(Candidates(name="codegen16b", path=path, out=tmp_path / "out.parquet", _cli_parse_args=False))
    assert read_rows(tmp_path / "out.parquet", Candidate) == load_candidates("codegen16b", path)
    assert "3 candidates (2 distinct) for 1 problems" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("codegen16b", "candidates/codegen16b_humaneval_even.jsonl.gz", 8200),
        ("qwen25coder", "candidates/qwen25coder_1.5b_humaneval.json.gz", 164),
        ("qwen25coder", "candidates/qwen25coder_1.5b_mbpp.json.gz", 399),
        ("humanevalpack", "pairs/humanevalpack_python.jsonl", 328),
        ("lcb", "candidates/lcb_o1mini.json.gz", 110),
        ("kodcode", "problems/kodcode_sample.json.gz", 172),
        ("leetcode", "problems/leetcode_train.jsonl.gz", 1890),
        ("rm_bench", "pairs/rm_bench_code_sample.json", 144),
    ],
)
def test_published_pools_load_whole(real_data: Path, name: str, file: str, count: int) -> None:
    candidates = load_candidates(name, real_data / file)
    assert len(candidates) == count
    assert all(candidate.program or candidate.response for candidate in candidates)
    assert name in POOLS
