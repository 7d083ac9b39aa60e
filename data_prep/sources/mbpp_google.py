"""MBPP as Google publishes it, full and sanitized, and MBPP+ as evalplus has it on the hub: a sentence, a program, assertions.

The sentence does not name the function, which published evaluations tell by showing the assertions: here the statement ends in the
declarations of what the tests use. MBPP+ on the hub has the extended inputs with their results as one more script, `test`.
"""

from __future__ import annotations

from pydantic import AliasChoices, Field

from code_reward.problem import AssertTest, Problem
from data_prep.sources.declarations import needed, only_function, with_declarations
from data_prep.sources.records import Record, checked


class MbppRecord(Record):
    task_id: int
    text: str = Field(validation_alias=AliasChoices("text", "prompt"))
    """The full set and the sanitized one name this column differently."""
    code: str
    test_list: list[str]
    test_setup_code: str = ""
    test_imports: list[str] = Field(default=[])


class MbppPlusRecord(MbppRecord):
    test: str


def to_problem(record: MbppRecord) -> Problem:
    """A problem with the benchmark's own assertions."""
    return _problem(record, "\n".join(record.test_list), "mbpp")


def to_plus_problem(record: MbppPlusRecord) -> Problem:
    """A problem with the extended tests, which hold the benchmark's own inputs too."""
    return _problem(record, record.test, "mbpp_plus")


def _problem(record: MbppRecord, tests: str, source: str) -> Problem:
    # As published, tabs and line ends of all kinds included: only what runs is asked for.
    solution = checked(record.code.replace("\r\n", "\n"), "code")
    asserts = "\n".join(record.test_list)
    setup = "\n".join([*record.test_imports, record.test_setup_code]).strip()
    definitions = needed(solution, checked(asserts, "test_list")).values()
    return Problem(
        id=f"{source}/{record.task_id}",
        statement=with_declarations(record.text, definitions),
        entry_point=only_function(definitions),
        reference_solution=solution,
        tests=[AssertTest(code=checked(f"{setup}\n{tests}".strip(), "test"))],
        source=source,
    )
