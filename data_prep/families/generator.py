"""`generate`: problems with hidden tests and judging inputs, drawn from the families.

The same arguments give the same bytes. No two problems of a call do the same: a draft whose reference behaves like an earlier one's on
the probe inputs of its signature is dropped, whatever its words.
"""

from __future__ import annotations

import hashlib
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from random import Random
from typing import Any

from code_reward.errors import ConfigurationError
from code_reward.problem import CallTest, Problem
from data_prep.families.arguments import Argument, draw_inputs
from data_prep.families.catalogue import FAMILIES
from data_prep.families.draft import Draft, phrase
from data_prep.mutants import normalise

HIDDEN_TESTS = 12
JUDGING_INPUTS = 12
_POOL = 40
_PROBES = 40
_DISTINCT_RESULTS = 3
_PATIENCE = 400


def generate(count: int, seed: int, families: Iterable[str] | None = None) -> list[Problem]:
    """`count` distinct problems, the families in turn; one that has no more is passed over.

    Each has 12 hidden `CallTest`s and two extra columns: `family`, and `inputs`, 12 argument tuples as source text that no hidden test
    uses and that come without results, for a judge that compares behaviours.

    Args:
        count (`int`): How many problems.
        seed (`int`): Same seed, same bytes.
        families (`Iterable[str]`, *optional*, defaults to all): Names in `FAMILIES`.

    Raises:
        `ConfigurationError`: an unknown family, or more problems than the families hold.
    """
    names = list(FAMILIES) if families is None else list(families)
    if unknown := sorted(set(names) - set(FAMILIES)):
        raise ConfigurationError(f"Unknown families {', '.join(unknown)}; choose from {', '.join(FAMILIES)}.")
    seen: set[str] = set()
    sources = [_problems(name, seed, seen) for name in names]
    problems: list[Problem] = []
    while sources and len(problems) < count:
        drawn = [(source, next(source, None)) for source in sources[: count - len(problems)]]
        problems += [problem for _, problem in drawn if problem is not None]
        exhausted = {id(source) for source, problem in drawn if problem is None}
        sources = [source for source in sources if id(source) not in exhausted]
    if len(problems) < count:
        raise ConfigurationError(
            f"These families hold only {len(problems)} distinct problems; ask for fewer than {count} or for more families."
        )
    return problems


def _problems(name: str, seed: int, seen: set[str]) -> Iterator[Problem]:
    draw = Random(f"{seed}/{name}")
    failures = 0
    while failures < _PATIENCE:
        draft = FAMILIES[name](draw)
        statement = phrase(draft, draw)
        behaviour = _behaviour(draft)
        if behaviour is None or behaviour in seen or statement in seen:
            failures += 1
            continue
        failures = 0
        seen |= {behaviour, statement}
        yield _finish(name, draft, statement)


def _finish(family: str, draft: Draft, statement: str) -> Problem:
    digest = hashlib.sha256(f"{statement}\n{draft.program}".encode()).hexdigest()[:10]
    # Drawn from the problem alone, so that a problem has the same tests whatever was drawn before it.
    calls = _telling_calls(draft, Random(digest))
    hidden, judging = calls[0 : 2 * HIDDEN_TESTS : 2], calls[1 : 2 * JUDGING_INPUTS : 2]
    return Problem.model_validate(
        {
            "id": f"families/{family}/{digest}",
            "statement": statement,
            "entry_point": draft.name,
            # As mutants are written, whatever the version of Python: Python 3.10 writes the targets of a loop in parentheses.
            "reference_solution": normalise(draft.program),
            "tests": [CallTest(args=arguments, expected=result) for arguments, result in hidden],
            "source": "families",
            "family": family,
            "inputs": [arguments for arguments, _ in judging],
        }
    )


def _telling_calls(draft: Draft, draw: Random) -> list[tuple[str, str]]:
    """Calls with their results, as text, each result in turn: a few calls from the front show every case of the function."""
    call = compile_function(draft.program, draft.name)
    inputs = draw_inputs(draft.arguments, draft.program, _POOL, draw)
    pool = [(repr(values), repr(call(*pickle.loads(pickle.dumps(values))))) for values in inputs]
    rounds = []
    times: Counter[str] = Counter()
    for arguments, result in pool:
        rounds.append((times[result], arguments, result))
        times[result] += 1
    return [(arguments, result) for _, arguments, result in sorted(rounds, key=lambda item: item[0])]


def compile_function(program: str, name: str) -> Callable[..., Any]:
    """The function `name` of a reference solution of ours; never for programs that others wrote."""
    namespace: dict[str, Any] = {}
    exec(program, namespace)
    function: Callable[..., Any] = namespace[name]
    return function


def _behaviour(draft: Draft) -> str | None:
    """What the reference does on the probe inputs, as text; None where it hardly does anything (a case hides another)."""
    call = compile_function(draft.program, draft.name)
    results = [repr(call(*pickle.loads(values))) for values in _probes(draft.arguments)]
    signature = [argument.name for argument in draft.arguments]
    return repr([signature, results]) if len(set(results)) >= _DISTINCT_RESULTS else None


@cache
def _probes(arguments: tuple[Argument, ...]) -> list[bytes]:
    """Argument tuples to tell behaviours apart, pickled: a call may change what it is given."""
    names = "/".join(argument.name for argument in arguments)
    return [pickle.dumps(values) for values in draw_inputs(arguments, "", _PROBES, Random(names))]
