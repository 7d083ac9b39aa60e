"""slime without a GPU: its own, unmodified `train.py`, Megatron training, SGLang engines and weight sync included, on CPU at tiny size.

A tool for tests and for authors of slime plugins; no production code imports it. Nothing here acts by being imported or by lying on
`PYTHONPATH`: the shims act in processes that have `slime_on_cpu/path` on their `PYTHONPATH` (`environment` has the rest that they need).
"""
