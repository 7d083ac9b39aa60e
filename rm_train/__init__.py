"""From reward data to a reward model checkpoint: datasets, losses, training, evaluation, export."""
