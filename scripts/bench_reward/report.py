"""The measurements as markdown tables, for a person and for docs/results.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from scripts.bench_reward.faults import Found
from scripts.bench_reward.judge import CAPACITY, LATENCY, PLAIN, Measured
from scripts.bench_reward.stall import REASONING_TOKENS, REWARDS, Stall
from scripts.bench_reward.throughput import Timing


def throughput(samples: int, timings: Mapping[str, Sequence[Timing]]) -> str:
    """Medians over the rounds, with the range; what is gained over the way above and over the first."""
    lines = [
        f"{samples} answers; median of {len(next(iter(timings.values())))} rounds, lowest and highest in brackets",
        "",
        "| way | samples/s | server's CPU per sample | over the way above | over the first |",
        "| --- | --- | --- | --- | --- |",
    ]
    rates = {name: [samples / timing.seconds for timing in them] for name, them in timings.items()}
    first = above = median(next(iter(rates.values())))
    for name, them in rates.items():
        rate = median(them)
        cpu = median(timing.server_cpu for timing in timings[name]) / samples
        lines.append(
            f"| {name} | {rate:.1f} [{min(them):.1f}, {max(them):.1f}] | {1000 * cpu:.1f} ms | {rate / above:.2f} | {rate / first:.2f} |"
        )
        above = rate
    return "\n".join(lines) + "\n"


def group(forwards: int, riders: int) -> str:
    """What a group with repeated programs costs."""
    return f"A group of 16 answers with 4 distinct programs: {forwards} forward passes (and {riders} reference item beside them).\n"


def stall(measured: Stall) -> str:
    """How late the timer came."""
    return _stall(REWARDS, measured.seconds, measured.idle, measured.busy)


def judge(measured: Measured) -> str:
    """What of the endpoint's capacity was used, and how late the timer came."""
    capacity = CAPACITY / LATENCY
    lines = [
        f"{measured.answers} answers before an endpoint of {capacity:.0f} replies per second; median, lowest and highest in brackets",
        "",
        "| way | replies/s | of the capacity | of the load generator's | the client's CPU per reply |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, rates in measured.rates.items():
        rate, most = median(rates), median(measured.rates[PLAIN])
        shares = f"{rate / capacity:.1%} | {rate / most:.1%} | {1000 * median(measured.cpu[name]):.2f} ms"
        lines.append(f"| {name} | {rate:.1f} [{min(rates):.1f}, {max(rates):.1f}] | {shares} |")
    return "\n".join([*lines, "", _stall(REWARDS, measured.seconds, measured.idle, measured.busy)])


def _stall(rewards: int, seconds: float, idle: Sequence[float], busy: Sequence[float]) -> str:
    lines = [
        f"{rewards} rewards with {REASONING_TOKENS:,} tokens of reasoning, {seconds:.1f} s in all; a timer of 1 ms came late by",
        "",
        "| the event loop has | median | p99 | longest | times measured |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, late in (("nothing to do", idle), ("the rewards in flight", busy)):
        p99 = quantiles(late, n=100)[98]
        lines.append(f"| {name} | {1000 * median(late):.2f} ms | {1000 * p99:.1f} ms | {1000 * max(late):.1f} ms | {len(late)} |")
    return "\n".join(lines) + "\n"


def faults(found: Sequence[Found]) -> str:
    """What each fault did to the job."""
    lines = [
        "| fault | samples | missing, typed | wrong numbers | lost | the job | scores during it | next score after it |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in found:
        missing = ", ".join(f"{reason} {count}" for reason, count in one.missing.most_common()) or "0"
        job = f"stopped: {one.stopped}" if one.stopped else "alive"
        recovery = "" if one.recovery is None else f"{one.recovery:.2f} s"
        lines.append(f"| {one.name} | {one.samples} | {missing} | {one.wrong} | {one.lost} | {job} | {one.during} | {recovery} |")
    return "\n".join(lines) + "\n"
