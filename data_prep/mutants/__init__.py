"""Mutants: wrong programs made from right ones by operators on the syntax tree, as negatives for a reward model and as seeds of search.

`mutate` makes one, `mutants` many, for any Python program. The edges: nothing is executed here, so a mutant may turn out to be right.
"""

from data_prep.mutants.mutate import OPERATORS, Mutant, mutants, mutate, normalise

__all__ = ["OPERATORS", "Mutant", "mutants", "mutate", "normalise"]
