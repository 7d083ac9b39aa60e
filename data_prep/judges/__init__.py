"""Judges: who says how right a program is, when nobody wrote down what it should return.

`LLMJudge` shows a language model the program and a trace. `ReferenceJudge` compares results with the reference solution's on inputs that no
hidden test uses. A judgement that cannot be had, or cannot be read, is an error with a kind, never a score.
"""

from data_prep.judges.inputs import judging_inputs
from data_prep.judges.judgement import Bench, Judge, Judgement, Vote
from data_prep.judges.llm import LLMJudge
from data_prep.judges.reference import ReferenceJudge

__all__ = ["Bench", "Judge", "Judgement", "LLMJudge", "ReferenceJudge", "Vote", "judging_inputs"]
