"""What the embedded server counts, in Prometheus' text format at `/metrics`; every name begins with `code_reward_`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SIZES = tuple(float(2**i) for i in range(0, 18, 1))


class Metrics:
    """The metrics of one server; several may live in one process."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter("code_reward_requests", "Requests answered.", ["path", "status"], registry=registry)
        self.request_seconds = Histogram("code_reward_request_seconds", "From body read to answer.", buckets=_SECONDS, registry=registry)
        self.items = Counter("code_reward_items", "Items scored.", registry=registry)
        self.item_errors = Counter("code_reward_item_errors", "Items that got an error instead of a score.", ["kind"], registry=registry)
        self.batch_items = Histogram("code_reward_batch_items", "Items per batch.", buckets=_SIZES, registry=registry)
        self.batch_tokens = Histogram("code_reward_batch_tokens", "Tokens per batch.", buckets=_SIZES, registry=registry)
        self.batch_seconds = Histogram("code_reward_batch_seconds", "Time of the model per batch.", buckets=_SECONDS, registry=registry)
        self.queue_items = Gauge("code_reward_queue_items", "Items that wait for the model.", registry=registry)
        self.queue_tokens = Gauge("code_reward_queue_tokens", "Tokens that wait for the model.", registry=registry)

    def batch(self, items: int, tokens: int, seconds: float) -> None:
        """Count one batch of the model."""
        self.batch_items.observe(items)
        self.batch_tokens.observe(tokens)
        self.batch_seconds.observe(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)
