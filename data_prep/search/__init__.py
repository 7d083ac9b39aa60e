"""Tree search for reward data: programs are grown segment by segment, judged whole, and the judgements backed up the tree.

`grow` grows one problem's tree by a `Recipe`; `python -m data_prep.search` grows those of a file, into a folder that a killed run
continues from. Who writes programs is a `Policy` (a language model, or an offline one made of reference solutions and their mutants);
who judges them is a `data_prep.judges.Judge`. After CodeRM-NT (Xia et al., Findings of ACL 2026).
"""

from data_prep.search.grow import grow
from data_prep.search.offline import OfflinePolicy
from data_prep.search.policy import Attempt, Draft, LLMPolicy, Policy
from data_prep.search.recipe import RECIPES, Recipe
from data_prep.search.records import Failure, RolloutRecord, TreeRecord
from data_prep.search.segments import Parts, Segment, split_program
from data_prep.search.tree import Node, Plan, Tree

__all__ = [
    "RECIPES",
    "Attempt",
    "Draft",
    "Failure",
    "LLMPolicy",
    "Node",
    "OfflinePolicy",
    "Parts",
    "Plan",
    "Policy",
    "Recipe",
    "RolloutRecord",
    "Segment",
    "Tree",
    "TreeRecord",
    "grow",
    "split_program",
]
