import copy
import pickle

import pytest

from code_reward.errors import CodeRewardError, ConfigurationError, DataError, JudgeError, RewardServerError, SandboxError, explain
from code_reward.problem import Problem

CLASSES = [CodeRewardError, ConfigurationError, DataError, JudgeError, RewardServerError, SandboxError]


@pytest.mark.parametrize("error_class", CLASSES)
@pytest.mark.parametrize("kind", [None, "no_such_file"])
@pytest.mark.parametrize("transport", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_an_error_survives_the_way_between_processes(error_class, kind, transport):
    error = error_class("Nothing there; check the path.", kind=kind)
    arrived = transport(error)
    assert type(arrived) is error_class
    assert str(arrived) == "Nothing there; check the path."
    assert arrived.kind == error.kind == (kind or error_class.kind)


def test_every_class_has_a_kind_of_its_own():
    assert len({error_class.kind for error_class in CLASSES}) == len(CLASSES)


def test_a_kind_belongs_to_one_error_and_not_to_its_class():
    DataError("one", kind="no_such_file")
    assert DataError("another").kind == "data"


@pytest.mark.parametrize("error_class", CLASSES)
def test_one_base_catches_them_all(error_class):
    assert issubclass(error_class, CodeRewardError)


@pytest.mark.parametrize("error_class", [ConfigurationError, DataError])
def test_wrong_values_are_value_errors_too(error_class):
    assert issubclass(error_class, ValueError)


def test_what_is_wrong_with_data_is_said_in_a_few_words_on_one_line():
    with pytest.raises(ValueError, match="magic") as caught:
        Problem.model_validate({"id": "a", "statement": "b", "tests": [{"kind": "magic"}]})
    assert explain(caught.value).startswith("tests.0: Input tag 'magic' found using 'kind' does not match any of")
    assert "pydantic" not in explain(caught.value)
    assert explain(ValueError("two\n  lines")) == "two lines"
