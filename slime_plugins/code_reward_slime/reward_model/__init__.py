"""Reward model training on Megatron, in slime's own unmodified `train.py`, by its hooks alone.

`prepare` turns reward data into rows of token ids; slime then trains without engines (`--debug-train-only`): `source` gives it a step's
rows, `sequences` parts each pair into its two inputs, packed like any others, `model` puts a scalar head in the place of the language
model's, `losses` are those of `rm_train`; `collect` makes a checkpoint of what slime exported. `flags` are the options that name all these.

The way for models that want tensor parallelism or a cluster's Ray; for others see `rm_train`, which stores what programs share once.
"""
