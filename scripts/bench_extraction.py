"""What extraction and the reward model's input cost: `python -m scripts.bench_extraction`.

Two kinds of figures. Ordinary answers of growing length: the time must be linear and small, because it is spent beside every rollout.
The worst answers that we could think of: each must stay under 1 s and 100 MB, because a policy under optimisation will find them.
"""

from __future__ import annotations

import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from code_reward.cli import Command, run
from code_reward.extraction import extract_code
from code_reward.turns import MAX_ANSWER_CHARACTERS
from code_reward.validity import MAX_PROGRAM_BYTES, MAX_TOKENS

STATEMENT = "Return the number of ways to climb n stairs, taking one or two at a time. "
FUNCTION = '''def climb{n}(stairs):
    """The number of ways to climb that many stairs."""
    ways, before = 1, 0
    for step in range(stairs):
        ways, before = ways + before, ways
    return ways


'''
# Pieces that fill an answer after its reasoning. The first six also fill 5 MB.
ANSWERS = {
    "letters": "a",
    "lines": "\n",
    "end tokens": "<|im_end|>",
    "fences": "```\n",
    "reasoning": "<think>\n",
    "emoji": "\U0001f600",
    "empty blocks": "```\n\n```\n",
    "small blocks": "```\na\n```\n",
    "small programs": "```py\na()\n```\n",
    "blocks that do not parse": "```py\nf=\n```\n",
    "open strings": '```py\n"""\n```\n',
    "closed strings": '```\n"""a"""\n```\n',
    "sessions": "```\n$ \n```\n",
    "reasoning in blocks": "```\n<think>\n```\n",
    "indented blocks": "   ```\n   a\n   a\n   ```\n",
    "carriage returns": "```\r\na\r\n",
    "deep quotes": ">",
    "quotes and fences": "> ```\na\n",
    "lazy lines": "> a\nb\n",
    "deep lists": "- ",
    "deep mixture": "> - 1. ",
    "lists of fences": "- " * 19 + "```\n",
    "tabs": "\t\t\t\t- a\n",
    "tabs in lists": "- \t" * 15 + "a\n",
    "white space": "``` \n" + " " * 1000 + "\n",
    "surrogates": "```\n\ud800\n```\n",
    "quoted ends of reasoning": "'</think>' ",
    "programs with ends of reasoning": "```\nprint('</think>')\n```\n",
    "drafts with ends of reasoning": "```\nx('</think>'\n```\n",
    "control tokens": "<|a|>",
}
# Pieces that fill one program.
PROGRAMS = [
    "(",
    "[",
    "-",
    "not ",
    "lambda:",
    ".a",
    "()",
    "a;",
    "a\n",
    "a,",
    "[],",
    '"""\n',
    'f"{',
    "1+",
    "1**",
    "a if a else ",
    "@a\n",
    "\\\n",
    "a=",
]
PROGRAMS += ['"a" ', "#\n", "é;", "pass;", "def f():pass\n", "f=1\n", "import a,a\n", "def f\t", "{1:", "\0", "'\\d';"]
ENDS = ["", "\na b"]


class Timed(NamedTuple):
    """One answer and the CPU seconds that extraction took."""

    name: str
    seconds: float
    reason: str | None


def worst_answers() -> Iterator[tuple[str, str]]:
    """Answers that are expensive to read, each just within the limits, and some of 5 MB."""
    for number, (name, piece) in enumerate(ANSWERS.items()):
        yield name, piece * (MAX_ANSWER_CHARACTERS // len(piece))
        if number < 6:
            yield f"5 MB of {name}", piece * (5_000_000 // len(piece))
            yield f"5 MB of {name} as reasoning", piece * (5_000_000 // len(piece)) + "</think>```\nprint(1)\n```"
    yield "blank lines in a list", "- " * 19 + "```py\n" + "\n" * (MAX_ANSWER_CHARACTERS - 100)
    for piece in PROGRAMS:
        for end in ENDS:
            length = MAX_TOKENS if len(piece) < 3 else MAX_PROGRAM_BYTES
            yield f"program of {piece!r}, {end!r}", "```python\n" + "x=" + piece * ((length - 100) // len(piece)) + end + "\n```\n"
    yield "five long programs", ("```\n" + "a\n" * (MAX_TOKENS // 2 - 10) + "```\n") * 5
    yield "five long programs with strings", ('```\n"""a"""\n' + "a," * (MAX_TOKENS // 2 - 10) + "\n```\n") * 5 + "```\nprint(1)\n```"


def time_worst_answers() -> list[Timed]:
    """CPU seconds of each, the most expensive first."""
    return sorted((_time(*answer) for answer in worst_answers()), key=lambda answer: -answer.seconds)


def _time(name: str, answer: str) -> Timed:
    """The more expensive of the two ways: for a function, and for a program that reads stdin."""
    timed = []
    for entry_point in ("f", None):
        start = time.process_time()
        reason = extract_code(answer, "longest", entry_point).reason
        timed.append(Timed(name, time.process_time() - start, reason))
    return max(timed, key=lambda way: way.seconds)


def ordinary_answer(kilobytes: int) -> str:
    """Some reasoning, prose and a program of about half the length (at most 60 KB)."""
    functions = "".join(FUNCTION.format(n=n) for n in range(min(kilobytes // 2, 60) * 1000 // len(FUNCTION) + 1))
    fence = f"```python\n{functions}```\n"
    reasoning = "We go up the stairs.\n\n- one\n- two\n\n" * max(1, (kilobytes * 1000 - len(fence)) // 70)
    return f"<think>{reasoning}</think>{reasoning}{fence}It climbs."


def milliseconds(work: Callable[[], object], repeats: int = 20) -> float:
    """The median CPU time of several runs."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times)


def microseconds_per_thousand_tokens(tokens: int) -> float:
    """Of `RMInput.encode`, with a byte-level BPE tokenizer of 4,096 entries."""
    from code_reward.rm_input import Encoded, RMInput, RMInputSettings
    from data_prep.tokenizer import save_tokenizer, train_tokenizer

    with tempfile.TemporaryDirectory() as folder:
        save_tokenizer(train_tokenizer([Path(__file__).read_text(encoding="utf-8"), FUNCTION * 20, STATEMENT * 20], 4096), Path(folder))
        rm_input = RMInput.load(folder, RMInputSettings(max_tokens=10**6))
        program = "".join(FUNCTION.format(n=n) for n in range(tokens // 50))
        encoded = rm_input.encode(STATEMENT * 10, program)
        assert isinstance(encoded, Encoded)
        return 1000 * milliseconds(lambda: rm_input.encode(STATEMENT * 10, program)) / len(encoded.ids) * 1000


class BenchExtraction(Command):
    """Measure extraction and the reward model's input."""

    worst: bool = False
    """Only the worst answers."""
    machine: bool = False
    """Print one JSON object instead of a text for people."""


def main(settings: BenchExtraction) -> None:
    """Measure and print."""
    before = _peak_mb()
    worst = time_worst_answers()
    figures = {"answers": [answer._asdict() for answer in worst], "peak_mb": _peak_mb() - before}
    if settings.machine:
        print(json.dumps(figures))
        return
    print(f"worst of {len(worst)} answers: {worst[0].seconds:.2f} s; peak memory {figures['peak_mb']:.0f} MB above the start")
    for timed in worst[:5]:
        print(f"  {timed.seconds:.2f} s  {timed.name}: {timed.reason}")
    if settings.worst:
        return
    print("ordinary answers (extract_code, median):")
    for answer in map(ordinary_answer, (2, 20, 100)):
        print(f"  {len(answer) / 1000:.0f} KB: {milliseconds(partial(extract_code, answer)):.2f} ms")
    for tokens in (1_000, 4_000, 16_000):
        print(f"RMInput.encode, about {tokens} tokens: {microseconds_per_thousand_tokens(tokens):.0f} µs per 1,000 tokens")


def _peak_mb() -> float:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    run(BenchExtraction, main)
