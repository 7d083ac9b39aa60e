"""Problem sources: published data sets, each read into `Problem`s with the tests of its own kind.

    problems = load("humaneval", "problems/humaneval.jsonl.gz")

`problems` reads files of our own format. A third party's source is added by a plugin (`code_reward.plugins`, kind `problem_source`).
Files are read as they are published (docs/real_data.md says where); a data set on the Hugging Face hub may be named in the place of a file.
"""

from __future__ import annotations

from pathlib import Path

from code_reward.plugins import Catalogue
from code_reward.problem import Problem, load_problems
from data_prep.sources.acecode import ACECODE
from data_prep.sources.apps import APPS, TACO
from data_prep.sources.bigcodebench import BIGCODEBENCH, BIGCODEBENCH_HARD
from data_prep.sources.code_contests import CODE_CONTESTS
from data_prep.sources.coderm import CODERM
from data_prep.sources.deepcoder import DEEPCODER
from data_prep.sources.evalplus import HUMANEVAL_PLUS, MBPP_PLUS
from data_prep.sources.hub import locate
from data_prep.sources.humaneval import HUMANEVAL
from data_prep.sources.humanevalpack import HUMANEVALPACK
from data_prep.sources.kodcode import KODCODE
from data_prep.sources.leetcode import LEETCODE
from data_prep.sources.livecodebench import LIVECODEBENCH
from data_prep.sources.magicoder import MAGICODER
from data_prep.sources.mbpp import MBPP
from data_prep.sources.opencodeinstruct import OPENCODEINSTRUCT
from data_prep.sources.source import Source
from data_prep.sources.synthetic1 import SYNTHETIC1

__all__ = ["SOURCES", "Source", "load"]

SOURCES = Catalogue(
    "problem_source",
    Source,
    {
        "problems": Source(load_problems, "files of this project"),
        "humaneval": HUMANEVAL,
        "humaneval_plus": HUMANEVAL_PLUS,
        "mbpp": MBPP,
        "mbpp_plus": MBPP_PLUS,
        "leetcode": LEETCODE,
        "kodcode": KODCODE,
        "opencodeinstruct": OPENCODEINSTRUCT,
        "deepcoder": DEEPCODER,
        "apps": APPS,
        "taco": TACO,
        "code_contests": CODE_CONTESTS,
        "synthetic1": SYNTHETIC1,
        "acecode": ACECODE,
        "coderm": CODERM,
        "lcb": LIVECODEBENCH,
        "bigcodebench": BIGCODEBENCH,
        "bigcodebench_hard": BIGCODEBENCH_HARD,
        "humanevalpack": HUMANEVALPACK,
        "magicoder": MAGICODER,
    },
)


def load(name: str, path: str | Path) -> list[Problem]:
    """Read the file at `path`, or that of the data set OWNER/NAME on the hub, as the source `name`.

    The evalplus sources run every reference solution in a sandbox to learn the expected results (a minute or two) and start an event loop
    of their own: from a coroutine, call this in a thread.

    Raises:
        ConfigurationError: No source has that name.
        DataError: The file is absent, or a row is malformed (named by its number).
        SandboxError: The sandbox itself failed.
    """
    source = SOURCES.get(name)
    return [problem for file in locate(Path(path), source.part) for problem in source.every(file)]
