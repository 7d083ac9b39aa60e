"""Measurements of the reward path: throughput, forward passes per group, event-loop stalls, faults. `python -m scripts.bench_reward`."""
