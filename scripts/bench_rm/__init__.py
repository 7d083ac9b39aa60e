"""Measures the training of reward models: `make bench-rm`."""
