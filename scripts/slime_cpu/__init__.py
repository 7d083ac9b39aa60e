"""slime's real training loop on CPU: tiny models made from scratch (`models`), the run's files and options (`recipe`), and what came of it
(`rollouts`). `make slime-cpu` shows it; the integration tests and the benchmark use the parts."""
