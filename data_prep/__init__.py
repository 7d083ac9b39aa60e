"""From problems to reward data: sources, generated problems, mutants, labelling by execution, preference pairs."""
