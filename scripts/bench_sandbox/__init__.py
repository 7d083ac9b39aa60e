"""Measures the sandbox: `python -m scripts.bench_sandbox speed|matrix|leak` (`make bench-sandbox`)."""
