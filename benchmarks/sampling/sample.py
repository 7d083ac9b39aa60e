"""Ask a policy every question of a set as often as wanted, once: what is in the journal is not asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol

from benchmarks.run_folder import Progress
from benchmarks.sampling.question import Answer, Question, Sampling
from code_reward.fences import find_fences
from code_reward.journal import Journal
from code_reward.turns import final_answer, thinks_on

Style = Literal["plain", "bare", "thinking"]
"""`plain`: as the publisher asks, an answer that is ours to continue begun for the model; `bare`: the question alone; `thinking`: the
question alone, and what counts of the answer comes after the reasoning."""

Key = tuple[str, int]


class Policy(Protocol):
    """Whatever answers: a folder's model or an endpoint."""

    def answer(self, asked: Sequence[tuple[Key, Question]], sampling: Sampling, give: Callable[[Key, Answer], None]) -> None:
        """`give` an answer to every question."""
        ...


def sample(
    folder: Path,
    name: str,
    questions: Sequence[Question],
    samples: int,
    sampling: Sampling,
    style: Style,
    policy: Callable[[], Policy],
) -> dict[Key, Answer]:
    """Every answer of the set `name`, from the journal in `folder` or from `policy`, which is made only where something is left to ask."""
    asked = [question if style == "plain" else _bare(question) for question in questions]
    wanted = [((question.task_id, number), question) for question in asked for number in range(samples)]
    with Journal(folder / f"{name}.answers.jsonl") as journal:
        left = [(key, question) for key, question in wanted if _name(key) not in journal.records]
        if left:
            model = policy()
            tokens = 0
            with Progress(folder, f"sampling {name}", len(wanted), len(wanted) - len(left)) as progress:

                def give(key: Key, answer: Answer) -> None:
                    nonlocal tokens
                    journal.write(_name(key), answer.model_dump())
                    tokens += answer.tokens
                    progress.advance(f"{tokens} tokens")

                model.answer(left, sampling, give)
        return {key: _counted(Answer.model_validate(journal.records[_name(key)]), style) for key, _ in wanted}


def _bare(question: Question) -> Question:
    return replace(question, messages=question.bare or question.messages, prefill="", stops=())


def _name(key: Key) -> str:
    return f"{key[0]}#{key[1]}"


def _counted(answer: Answer, style: Style) -> Answer:
    """The answer without its reasoning; reasoning without an end has no answer after it.

    A text without a mark is reasoning where the limit cut it (a chat template may have opened it); where it came to its end, a server has
    taken the reasoning off, or there was none.
    """
    if style != "thinking":
        return answer
    text = final_answer(answer.text)
    told_apart = bool(answer.reasoning) or "</think>" in answer.text
    unclosed = thinks_on(text, find_fences(text)) or (answer.cut and not told_apart)
    return answer.model_copy(update={"text": "" if unclosed else text})


def by_task(answers: Mapping[Key, Answer]) -> dict[str, list[Answer]]:
    """The answers of every task, in the order of their numbers."""
    tasks: dict[str, list[Answer]] = {}
    for (task_id, _), answer in sorted(answers.items(), key=lambda item: item[0][1]):
        tasks.setdefault(task_id, []).append(answer)
    return tasks
