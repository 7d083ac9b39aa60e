"""Measurements of the tree search: its driver against a simulated endpoint, its tracing, its resumption after kills."""
