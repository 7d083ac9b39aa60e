"""Where a problem comes from: the metadata, and as a fallback the prompt."""

import json

import pytest
from code_reward_slime.task import problem_of, task_of
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Template
from slime_samples import make_sample

from code_reward.chat_prompt import statement_in
from code_reward.errors import DataError
from code_reward.problem import AssertTest, Problem, describe

QWEN = """{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"""
QWEN_NOT_THINKING = QWEN + "<think>\n\n</think>\n\n"
GLM = """[gMASK]<sop>{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}<|assistant|>"""
GLM_THINKING = GLM + "\n<think>"

SYSTEM = {"role": "system", "content": "You are a programmer."}
EARLIER = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]


@pytest.mark.parametrize("template", [QWEN, QWEN_NOT_THINKING, GLM, GLM_THINKING])
@pytest.mark.parametrize("before", [[], [SYSTEM], [SYSTEM, *EARLIER]])
@pytest.mark.parametrize("statement", ["Add.", "Two\n\nlines\n", "Print '<|im_end|>' and <|user|", "```python\nf()\n```", " indented"])
def test_a_rendered_prompt_gives_its_last_user_turn_back(template, before, statement):
    messages = [*before, {"role": "user", "content": statement}]
    assert statement_in(Template(template, keep_trailing_newline=True).render(messages=messages)) == statement
    assert statement_in(messages) == statement


@pytest.mark.parametrize(
    ("prompt", "statement"),
    [
        ("Write a function.", "Write a function."),
        ("", None),
        ([], None),
        ([{"role": "system", "content": "x"}], None),
        ([{"role": "user", "content": None}], None),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]}], "ab"),
        ("<|start_header_id|>user<|end_header_id|>\n\nAdd.<|eot_id|>", None),
        ("[INST] Add. [/INST]", None),
        ("<|im_start|>user\nAdd.<|im_end|>\n", None),
        ("<|im_start|>system\nx<|im_end|>\n<|im_start|>assistant\n", None),
    ],
)
def test_other_prompts_are_their_own_statement_or_none(prompt, statement):
    assert statement_in(prompt) == statement


@given(st.text())
def test_no_prompt_breaks_the_parser(text):
    assert statement_in(text) is None or isinstance(statement_in(text), str)


def test_the_metadata_has_the_last_word():
    task = task_of(make_sample(1, metadata={"statement": "From the data.", "entry_point": "f"}))
    assert (task.statement, task.entry_point, task.source) == ("From the data.", "f", "metadata")


@pytest.mark.parametrize("metadata", [{}, None, {"statement": ""}, {"statement": None}])
def test_without_a_statement_there_the_prompt_is_asked(metadata):
    task = task_of(make_sample(1, prompt="From the prompt.", metadata=metadata))
    assert (task.statement, task.entry_point, task.source) == ("From the prompt.", None, "prompt")


@pytest.mark.parametrize("as_text", [False, True])
def test_described_problems_come_back_with_their_tests(as_text):
    problem = Problem(id="a", statement="s", entry_point="f", starter_code="import math", tests=[AssertTest(code="assert f()")])
    metadata = {**describe(problem), "rm_type": "unrelated"}
    if as_text:
        metadata["tests"] = json.dumps(metadata["tests"])
    read = problem_of(make_sample(metadata=metadata))
    assert (read.tests, read.entry_point, read.starter_code) == (problem.tests, "f", "import math")


@pytest.mark.parametrize("tests", ["[", "3", [{"kind": "prayer"}], [{"kind": "asserts"}], {"a": 1}])
def test_tests_of_another_form_are_an_error_that_names_the_problem(tests):
    with pytest.raises(DataError, match="'p7'"):
        problem_of(make_sample(metadata={"id": "p7", "statement": "s", "tests": tests}))
