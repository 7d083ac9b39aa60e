"""Reward model training in slime's own `train.py` on CPU, held against plain PyTorch that reads every input alone, and `rm_train`'s rows.

Both stages: prefixes on two tensor-parallel ranks from a language model, then pairs on two data-parallel ranks from what that gave, stopped
and gone on with. All in float32, so that what differs is an error and no rounding.
"""

import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from code_reward_slime.reward_model import collect, prepare
from code_reward_slime.reward_model.flags import flags
from code_reward_slime.reward_model.source import RowSource
from slime_on_cpu.model_flags import model_flags
from transformers import AutoModelForSequenceClassification

from code_reward.reference import Reference, require_equal
from code_reward.reward_data import Pair, Prefix
from code_reward.rows import write_rows
from reward_servers.scorer import Scorer
from rm_train.layout import lay
from rm_train.model import RewardModel, load_backbone
from scripts.slime_cpu import recipe
from scripts.slime_cpu.models import build_policy, make_problems

MISSING = [name for name in ("SLIME_ROOT", "MEGATRON_ROOT") if not os.environ.get(name)]
SECONDS = 900
LR = 1e-4
SEED = 1234

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(3 * SECONDS),
    pytest.mark.skipif(
        bool(MISSING or not recipe.PYTHON.exists()),
        reason=f"{' and '.join(MISSING) or '.venv-integration'} not there: not checked is the training of reward models on Megatron, two "
        "ranks, both stages, resuming, export (docs/slime_on_cpu.md)",
    ),
]


def programs(problem):
    right = problem.reference_solution
    return right, right.replace("+", "-"), right.replace("return ", "total = ") + "\n    return total"


def pairs():
    for number, problem in enumerate(make_problems()):
        right, wrong, longer = programs(problem)
        row = {"problem_id": problem.id, "statement": problem.statement, "rejected": wrong}
        yield Pair(**row, chosen=right)
        yield Pair(**row, chosen=longer, weight=0.5, margin=0.1 * number)


def prefixes():
    for problem in make_problems():
        for program, value in zip(programs(problem), (1.0, 0.0, 0.75), strict=True):
            row = {"problem_id": problem.id, "statement": problem.statement, "program": program, "visits": 4}
            yield Prefix(**row, value=value, complete=True, agreement=0.9)
            yield Prefix(**row, value=0.5, complete=False, agreement=0.6)


def train(folder, prepared, init, ranks, *more, load=None, batch=8):
    """Slime's training loop over the prepared rows; the losses that it logged, by step."""
    options = [
        *model_flags(init),
        *flags(prepared, batch=batch, epochs=2),
        *("--hf-checkpoint", str(init), "--load", str(load or init), "--seed", str(SEED)),
        *("--custom-megatron-init-path", "slime_on_cpu.float32.use_float32"),
        *("--actor-num-nodes", "1", "--actor-num-gpus-per-node", "2", *ranks),
        *("--use-dynamic-batch-size", "--max-tokens-per-gpu", "256"),
        *("--optimizer", "adam", "--lr", str(LR), "--lr-decay-style", "constant", "--weight-decay", "0.0"),
        *("--adam-beta1", "0.9", "--adam-beta2", "0.99", "--clip-grad", "1.0"),
        *("--save", str(folder / "save"), "--save-interval", "1000", "--save-hf", str(folder / "exported")),
        *more,
    ]
    log = folder / f"log{len(more)}.txt"
    with recipe.running("train.py", options, log) as process:
        status = process.wait(SECONDS)
    text = log.read_text(errors="replace")
    assert status == 0, text[-4000:]
    return {int(step): float(loss) for step, loss in re.findall(r"step (\d+): \{'train/loss': ([-+.e\d]+)", text)}


def rows_of(prepared, batch=8):
    sizes = {"rollout_batch_size": batch, "global_batch_size": batch, "n_samples_per_prompt": 1}
    return RowSource(SimpleNamespace(prompt_data=prepared / prepare.ROWS, rollout_seed=42, **sizes))


def shared(init, prepared):
    """The loss of the first step as `rm_train` computes it: all inputs in one row, in which what they share is stored once."""
    source = rows_of(prepared)
    positions, weights = source.step(0)
    pairs = [source.rows[position] for position in positions]
    row = lay([np.array(ids, np.int32) for pair in pairs for ids in (pair.chosen, pair.rejected)])
    model = RewardModel(load_backbone(init, 0).float())
    arrays = {"input_ids": row.ids[None], "position_ids": row.positions[None], "until": row.until, "ends": row.ends}
    with torch.inference_mode():
        scores = model(**{name: torch.from_numpy(array.astype(np.int64)) for name, array in arrays.items()})
    each = F.softplus(scores[1::2] - scores[::2] + torch.tensor([pair.target for pair in pairs]))
    return float((each * torch.tensor(weights)).sum() / sum(weights))


def plain(model, prepared, steps):
    """The losses of the same training without Megatron, packing or ranks."""
    source = rows_of(prepared)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, betas=(0.9, 0.99), weight_decay=0.0)
    losses = []
    for step in range(steps):
        positions, weights = source.step(step)
        each = [row_loss(model, source.rows[position], source.rows.stage) for position in positions]
        loss = sum(weight * one for weight, one in zip(weights, each, strict=True)) / sum(weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


def row_loss(model, row, stage):
    def score(ids):
        return model.score(model.base_model(torch.tensor([ids]), use_cache=False).last_hidden_state[0, -1])[0]

    if stage == "pairs":
        return F.softplus(score(row.rejected) - score(row.chosen) + row.target)
    return (score(row.chosen) - row.target) ** 2


def collected(folder, prepared):
    collect.main(collect.Collect(exported=folder / "exported", prepared=prepared, out=folder / "rm"))
    known = Reference.load(folder / "rm")
    require_equal(known, Scorer(folder / "rm", threads=1).score([item.ids for item in known.items]), "float32", "the export")
    return folder / "rm"


def test_two_stages_are_what_plain_pytorch_computes(tmp_path: Path):
    policy = build_policy(tmp_path / "policy")
    write_rows(tmp_path / "prefixes.jsonl", list(prefixes()))
    write_rows(tmp_path / "pairs.jsonl", list(pairs()))

    prepare.main(prepare.Prepare(init=policy, prefixes=tmp_path / "prefixes.jsonl", preset="generic", out=tmp_path / "first"))
    logged = train(tmp_path / "stage1", tmp_path / "first", policy, ("--tensor-model-parallel-size", "2"))
    model = AutoModelForSequenceClassification.from_pretrained(policy, num_labels=1, dtype=torch.float32)
    with torch.no_grad():
        drawn = torch.randn(1, model.config.hidden_size, generator=torch.Generator().manual_seed(SEED))
        model.score.weight.copy_(drawn * model.config.initializer_range)
    expected = plain(model, tmp_path / "first", len(logged))
    assert len(expected) == 12
    assert [logged[step] for step in range(12)] == pytest.approx(expected, abs=1e-4)
    assert expected[-1] < 0.9 * expected[0]
    first = collected(tmp_path / "stage1", tmp_path / "first")

    prepare.main(prepare.Prepare(init=first, pairs=tmp_path / "pairs.jsonl", out=tmp_path / "second"))
    logged = train(tmp_path / "stage2", tmp_path / "second", first, (), "--num-rollout", "2")
    goes_on = ("--override-opt_param-scheduler",)
    logged |= train(tmp_path / "stage2", tmp_path / "second", first, (), *goes_on, load=tmp_path / "stage2" / "save")
    model = AutoModelForSequenceClassification.from_pretrained(first, dtype=torch.float32)
    expected = plain(model, tmp_path / "second", 4)
    assert [logged[step] for step in range(4)] == pytest.approx(expected, abs=1e-4)
    assert logged[0] == pytest.approx(shared(first, tmp_path / "second"), abs=1e-4)

    second = collected(tmp_path / "stage2", tmp_path / "second")
    items = Reference.load(second).items
    with torch.inference_mode():
        scores = [float(model.score(model.base_model(torch.tensor([item.ids])).last_hidden_state[0, -1])) for item in items]
    assert [item.score for item in items] == pytest.approx(scores, abs=1e-3)
