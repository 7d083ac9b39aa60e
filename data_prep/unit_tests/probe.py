"""A probe that predicts how hard a problem is: `python -m data_prep.unit_tests.probe --labelled F --model FOLDER --out FOLDER`.

CodeRM-8B's (section 4): a network of two layers over the hidden state of the language model that reads the problem, trained on pass rates
with a soft cross-entropy. The paper leaves the layer, the token and the width open: here the last layer, the last token of the prompt
with its generation prompt, and a width of 256. Needs torch and transformers (code-reward[train]).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError
from code_reward.folders import require_folder

if TYPE_CHECKING:
    from torch import Tensor, nn

    from code_reward.reward_data import LabelledProgram


class PredictedRate(BaseModel):
    """How often a policy is expected to solve a problem."""

    problem_id: str
    rate: float


def create_probe(hidden: int, width: int = 256) -> nn.Module:
    """Two layers from a hidden state to the logit of the pass rate."""
    from torch import nn

    return nn.Sequential(nn.Linear(hidden, width), nn.ReLU(), nn.Linear(width, 1), nn.Flatten(0))


def fit(states: Tensor, rates: Tensor, *, epochs: int, learning_rate: float, seed: int) -> nn.Module:
    """A probe trained on all rows at once: minimises −Σ λ log p + (1 − λ) log(1 − p).

    Args:
        states (`Tensor`, shape `(n, hidden)`): Hidden states.
        rates (`Tensor`, shape `(n,)`): Pass rates in [0, 1].
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    torch.manual_seed(seed)
    probe = create_probe(states.shape[1])
    optimizer = torch.optim.AdamW(probe.parameters(), lr=learning_rate, weight_decay=0.1)
    for _ in range(epochs):
        optimizer.zero_grad()
        binary_cross_entropy_with_logits(probe(states), rates).backward()
        optimizer.step()
    return probe


def read_states(folder: Path, statements: Sequence[str]) -> Tensor:
    """The last layer's state at the end of each statement's prompt, shape `(n, hidden)`, standardised over the statements."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    require_folder(folder, "a causal language model")
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(str(folder), local_files_only=True).eval()
    except (OSError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise ConfigurationError(f"{folder} cannot be loaded ({first}); give the folder of a causal language model.") from error
    states = []
    with torch.inference_mode():
        for statement in statements:
            ids = tokenizer.apply_chat_template(
                [{"role": "user", "content": statement}], add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
            states.append(model(**ids, output_hidden_states=True).hidden_states[-1][0, -1].float())
    stacked = torch.stack(states)
    return (stacked - stacked.mean(0)) / (stacked.std(0) + 1e-6)


def pass_rates(rows: Sequence[LabelledProgram]) -> dict[str, tuple[str, float]]:
    """Statement and share of right candidates, by problem."""
    verdicts: dict[str, list[bool]] = {}
    statements = {row.problem_id: row.statement for row in rows}
    for row in rows:
        verdicts.setdefault(row.problem_id, []).append(row.passed)
    return {name: (statements[name], sum(passed) / len(passed)) for name, passed in verdicts.items()}


class ProbeTraining(Command):
    """Train a probe of pass rates on some problems, and say what it is worth on the others."""

    labelled: Path
    """Labelled candidates, all of each problem."""
    model: Path
    """Folder of the causal language model that reads the problems."""
    out: Path
    """File for the predicted pass rates of all problems, each by a probe that has not seen the problem."""
    folds: int = Field(default=5, ge=2)
    """Parts; each is predicted by a probe trained on the others."""
    epochs: int = Field(default=200, ge=1)
    """Passes over the training problems."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Of AdamW."""
    seed: int = 0
    """Seed of the probe and of the parts."""


def main(settings: ProbeTraining) -> None:
    """Train, predict, write, and compare with a constant."""
    import torch

    from code_reward.errors import DataError
    from code_reward.reward_data import LabelledProgram
    from code_reward.rows import read_all, write_rows

    known = pass_rates(read_all([settings.labelled], LabelledProgram))
    if len(known) < 2 * settings.folds:
        raise DataError(f"{len(known)} problems are too few for {settings.folds} parts; label more or use fewer parts.")
    states = read_states(settings.model, [statement for statement, _ in known.values()])
    rates = torch.tensor([rate for _, rate in known.values()])
    part = torch.randperm(len(known), generator=torch.Generator().manual_seed(settings.seed)) % settings.folds
    predicted = torch.empty(len(known))
    for fold in range(settings.folds):
        train = part != fold
        probe = fit(states[train], rates[train], epochs=settings.epochs, learning_rate=settings.learning_rate, seed=settings.seed)
        with torch.inference_mode():
            predicted[~train] = torch.sigmoid(probe(states[~train]))
    write_rows(settings.out, [PredictedRate(problem_id=name, rate=rate) for name, rate in zip(known, predicted.tolist(), strict=True)])
    print(f"{len(known)} problems; mean error of the pass rate {float((predicted - rates).abs().mean()):.3f}, ", end="")
    print(
        f"of a constant {float((rates.mean() - rates).abs().mean()):.3f}; correlation {_correlation(predicted, rates):.2f}: {settings.out}"
    )


def _correlation(one: Tensor, other: Tensor) -> float:
    import torch

    return float(torch.corrcoef(torch.stack([one, other]))[0, 1])


if __name__ == "__main__":
    run(ProbeTraining, main)
