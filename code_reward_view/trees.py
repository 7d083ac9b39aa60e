"""Search trees (`trees.jsonl`) as answers: one per rollout, scored by the judge, with the value of each segment beside its lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from code_reward_view.entry import Entry, number


def is_tree(row: Mapping[str, Any]) -> bool:
    """Whether a row is a tree of `data_prep.search`."""
    return "problem_id" in row and "statement" in row and ("rollouts" in row or "failure" in row) and "response" not in row


def entries_of_tree(tree: Mapping[str, Any]) -> list[Entry]:
    """An entry per rollout; of a tree without rollouts one, which says why."""
    return [_entry(tree, rollout) for rollout in _rollouts(tree)]


def rows_of_tree(tree: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same rollouts as rows, with the whole tree beside each."""
    nodes = [node for node in tree.get("nodes") or [] if isinstance(node, dict)]
    return [_row(tree, rollout, nodes) for rollout in _rollouts(tree)]


def _rollouts(tree: Mapping[str, Any]) -> list[dict[str, Any]]:
    rollouts = [one for one in tree.get("rollouts") or [] if isinstance(one, dict)]
    return rollouts or [{"failure": tree.get("failure") or {"kind": "no_rollouts", "message": ""}}]


def _entry(tree: Mapping[str, Any], rollout: Mapping[str, Any]) -> Entry:
    judgement, failure = rollout.get("judgement"), rollout.get("failure")
    judgement = judgement if isinstance(judgement, dict) else None
    kind = str(failure.get("kind") or "failed") if isinstance(failure, dict) else ""
    return Entry(
        step=rollout.get("number") if isinstance(rollout.get("number"), int) else None,
        problem=str(tree.get("problem_id")),
        group=str(tree.get("group") or ""),
        verdict="scored" if judgement else "missing",
        reason=str(judgement.get("failure") or "") if judgement else kind,
        score=number(judgement.get("correctness")) if judgement else None,
        reward=None,
        passed=None,
        length=len(str(rollout.get("response") or "")) or len(_program(rollout)),
    )


def _program(rollout: Mapping[str, Any]) -> str:
    return "\n".join(str(one.get("text") or "") for one in rollout.get("segments") or [] if isinstance(one, dict))


def _row(tree: Mapping[str, Any], rollout: Mapping[str, Any], nodes: list[dict[str, Any]]) -> dict[str, Any]:
    path = _path(nodes, [str(one.get("text") or "") for one in rollout.get("segments") or [] if isinstance(one, dict)])
    judgement = rollout.get("judgement") if isinstance(rollout.get("judgement"), dict) else {}
    values = [value for node in path for value in [_mean(node)] * (str(node.get("text") or "").count("\n") + 1)]
    return {
        "problem_id": tree.get("problem_id"),
        "statement": tree.get("statement"),
        "entry_point": tree.get("entry_point"),
        "program": _program(rollout),
        "response": rollout.get("response") or "",
        "action": rollout.get("action"),
        "number": rollout.get("number"),
        "judgement": judgement,
        "failure": rollout.get("failure"),
        "line_scores": values,
        "tree": [
            {"depth": depth, "text": str(node.get("text") or ""), "value": _mean(node), "visits": node.get("visits"), "here": node in path}
            for depth, node in _depth_first(nodes)
        ],
    }


def _path(nodes: list[dict[str, Any]], segments: list[str]) -> list[dict[str, Any]]:
    """The nodes with these texts, from below the root."""
    found: list[dict[str, Any]] = []
    parent: Any = 0
    for text in segments:
        node = next((one for one in nodes[1:] if (one.get("parent") or 0) == parent and one.get("text") == text), None)
        if node is None:
            break
        found.append(node)
        parent = node.get("id")
    return found


def _mean(node: Mapping[str, Any]) -> float | None:
    visits = number(node.get("visits"))
    return (number(node.get("value")) or 0.0) / visits if visits else None


def _depth_first(nodes: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Every node but the root with its depth, the better child first."""
    children: dict[Any, list[dict[str, Any]]] = {}
    for node in nodes[1:]:
        children.setdefault(node.get("parent") or 0, []).append(node)
    found, waiting = [], [(0, node) for node in sorted(children.pop(0, []), key=lambda one: _mean(one) or 0.0)]
    while waiting:
        depth, node = waiting.pop()
        found.append((depth, node))
        # Taken out, so that a file that was tampered with cannot lead in a circle.
        waiting += [(depth + 1, child) for child in sorted(children.pop(node.get("id"), []), key=lambda one: _mean(one) or 0.0)]
    return found
