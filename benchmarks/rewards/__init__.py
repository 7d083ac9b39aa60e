"""Reward models on published benchmarks: rows of preferences and pools, judges that score them, and each benchmark's own arithmetic."""
