"""Measures the sandbox: `python -m scripts.bench_sandbox speed|matrix|leak|coverage|latency` (`make bench-sandbox`)."""
