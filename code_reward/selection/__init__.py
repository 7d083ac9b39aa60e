"""Selection: which of N candidate programs to take, and how good that choice is.

A *rule* sees what is known without the truth (which tests each candidate passes, what a reward model says) and keeps the candidates that
it cannot tell apart; one of them is taken at random. The truth enters only in `evaluation`.
`python -m code_reward.selection FILE` compares the rules on a file of results matrices.
"""

from code_reward.selection.evaluation import METHODS, Figure, Method, accuracies, best_of_n, by_sampling, compare
from code_reward.selection.matrix import ResultsMatrix, load_matrices, save_matrices
from code_reward.selection.rules import Candidates, Rule, majority_vote

__all__ = [
    "METHODS",
    "Candidates",
    "Figure",
    "Method",
    "ResultsMatrix",
    "Rule",
    "accuracies",
    "best_of_n",
    "by_sampling",
    "compare",
    "load_matrices",
    "majority_vote",
    "save_matrices",
]
