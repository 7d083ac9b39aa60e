"""`LLMJudge`: a language model reads the program and what it did, several times over if asked to, and its votes are counted."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Literal

from code_reward.errors import JudgeError
from code_reward.problem import Problem
from data_prep.judges.evidence import Blind, Evidence, Traces, Witness
from data_prep.judges.judgement import RIGHT, Judgement, Unparsable, Vote
from data_prep.judges.reading import Reader, read_apart, read_published
from data_prep.llm import Asker, Request, Scope
from data_prep.llm.asking import ask
from data_prep.llm.prompt import prompt
from data_prep.llm.request import Sampling
from data_prep.together import all_of
from reward_servers.sandbox.outcome import Sandbox

# A cold model says the same again, a hot one rambles again: what could not be read is drawn anew, warmer, colder, and warmest.
_OTHERWISE = ({"temperature": 0.7, "top_p": 0.95}, {"temperature": 0.3, "top_p": 0.9}, {"temperature": 1.0, "top_p": 0.95})
ATTEMPTS = 1 + len(_OTHERWISE)

Style = Literal["apart", "published"]
_STYLES: dict[Style, tuple[str, Reader]] = {"apart": ("judge", read_apart), "published": ("judge_published", read_published)}


class LLMJudge:
    """Judges by asking.

    Args:
        asker: Answers the role `judge` (and `policy`, where the witness needs examples written).
        sandbox: Where programs run.
        style: `apart` asks for correctness and style separately; `published` for the one mixed score of CodeRM-NT.
        traces: `own` instruments the program; `prints` runs it as a script, whose prints a language model has added; `none` shows nothing.
        votes: Replies per program; the median counts.
        sampling: How replies are drawn.
    """

    def __init__(
        self,
        asker: Asker,
        sandbox: Sandbox,
        *,
        style: Style = "apart",
        traces: Traces = "own",
        votes: int = 1,
        sampling: Sampling | None = None,
    ) -> None:
        self._asker = asker
        self._sandbox = sandbox
        self._style = style
        self._traces: Traces = traces
        self._votes = votes
        self._sampling = sampling or Sampling()

    async def open(self, problem: Problem, scope: Scope) -> LLMBench:
        """See `Judge.open`; any problem can be judged."""
        traces = self._traces
        witness = Blind() if traces == "none" else Witness(self._asker, self._sandbox, problem, traces, self._sampling)
        return LLMBench(self._asker, problem, witness, self._style, self._votes, self._sampling)


class LLMBench:
    """One problem before a language model."""

    def __init__(self, asker: Asker, problem: Problem, witness: Witness | Blind, style: Style, votes: int, sampling: Sampling) -> None:
        self._asker = asker
        self._problem = problem
        self._witness = witness
        name, self._read = _STYLES[style]
        self._prompt = prompt(name)
        self._votes = votes
        self._sampling = sampling

    async def judge(self, program: str, suffix: str, scope: Scope) -> Judgement:
        """See `Bench.judge`. Raises `Unparsable` unless every vote can be read after a few attempts."""
        evidence = await self._witness.look(program, suffix, scope)
        values = {"statement": self._problem.statement, "program": program, "trace": evidence.text}
        request = self._prompt.request("judge", self._sampling, **values)
        votes, junk = await self._collect(request, scope)
        return _count(votes, evidence, junk, self._prompt.version)

    async def _collect(self, request: Request, scope: Scope) -> tuple[list[Vote], int]:
        """All votes at once; then those that could not be read again, so that the order of questions never depends on timing."""
        votes: list[Vote] = []
        junk, last = 0, ""
        for drawn in (request, *(_otherwise(request, sampling) for sampling in _OTHERWISE)):
            replies = await all_of([ask(self._asker, scope, drawn) for _ in range(self._votes - len(votes))])
            for reply in replies:
                try:
                    votes.append(self._read(reply.text))
                except JudgeError as error:
                    junk += 1
                    last = str(error)
            if len(votes) == self._votes:
                return votes, junk
        raise Unparsable(last, junk)


def _otherwise(request: Request, sampling: dict[str, float]) -> Request:
    return request.model_copy(update={"sampling": request.sampling.model_copy(update=sampling)})


def _count(votes: Sequence[Vote], evidence: Evidence, junk: int, template: str) -> Judgement:
    for_right = sum(vote.correctness >= RIGHT for vote in votes)
    styles = [vote.style for vote in votes if vote.style is not None]
    middle = median(vote.correctness for vote in votes)
    return Judgement(
        correctness=middle,
        style=median(styles) if styles else None,
        agreement=max(for_right, len(votes) - for_right) / len(votes),
        words=min(votes, key=lambda vote: abs(vote.correctness - middle)).words,
        evidence=evidence.text,
        votes=list(votes),
        failure=evidence.failure,
        junk=junk + evidence.junk,
        template=template,
    )
