"""Small Python function tasks, made by families of templates: what the quickstart trains and measures on, with no data set to fetch.

`generate` draws problems, `split` parts them into disjoint sets. A family draws parameters that change both the statement and the
program, so that only a reader of the statement can answer. The edges: one function of integers, lists of integers and ASCII text; no
classes, no input/output, no imports.
"""

from data_prep.families.catalogue import FAMILIES
from data_prep.families.generator import generate
from data_prep.families.splits import Sizes, split

__all__ = ["FAMILIES", "Sizes", "generate", "split"]
