"""Reinforcement learning of a policy with TRL's GRPO trainer: `python -m code_reward_trl.grpo`.

The reward is a served reward model, the problems' own tests, or the validity check alone. Every rollout is written beside the policy, so
that it can be judged later; with a reward model nothing is executed here. Interrupted, it goes on from its last checkpoint.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError, DataError
from code_reward.files import write_text
from code_reward.reference import Dtype
from reward_servers.sandbox.outcome import TestsReward

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from code_reward.problem import Problem
    from code_reward_trl.rewards import Completion, RewardFunction
    from reward_servers.client import RewardClient


class Rollout(BaseModel):
    """One completion seen in training; `reward` is None where the verdict is missing."""

    step: int
    problem_id: str
    response: str
    reward: float | None


class Grpo(Command):
    """Train a policy by group relative policy optimisation."""

    policy: Path
    """Policy to start from."""
    problems: Path
    """Problem file (JSONL or parquet)."""
    out: Path
    """Folder for the trained policy; rollouts are written to OUT.rollouts.jsonl."""
    reward: Literal["rm", "tests", "syntax"] = "rm"
    """What rewards a program: a served reward model, the problems' tests, or the validity check."""
    rm: Path | None = None
    """Reward model folder; its weights are not needed here."""
    rm_url: list[str] = Field(default=[])
    """Address of a server of that reward model; several share the load."""
    rm_dtype: Dtype = "float32"
    """What these servers compute in: decides how exactly they must give the reference scores."""
    test_reward: TestsReward = "binary"
    """With --reward tests: 1 if all tests pass; the share that passes; or that share, tests weighted by difficulty within the group."""
    shaping: str = "default"
    """How raw scores become rewards: default, codescaler, coderm-nt, raw, or a plugin's preset."""
    rejected: float | None = None
    """Reward of a rejected answer; only for a preset that has none of its own (`raw`)."""
    steps: int = 150
    """Optimiser steps; each sees new rollouts."""
    prompts: int = 8
    """Problems per step."""
    group: int = 8
    """Completions per problem."""
    learning_rate: float = 1e-3
    """Learning rate, falling linearly."""
    lora: int = Field(default=0, ge=0)
    """Rank of adapters to train in the place of the weights (LoRA); they are merged at the end. 0: no adapters."""
    beta: float = 0.0
    """Weight of the KL divergence from the starting policy."""
    adam_beta2: float = Field(default=0.999, gt=0, lt=1)
    """Decay of Adam's second moment; in runs of some hundred steps 0.99 settles in time."""
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Share of the steps over which the learning rate rises to its value."""
    temperature: float = 1.0
    """Sampling temperature."""
    top_k: int = Field(default=0, ge=0)
    """Sample among this many likeliest tokens; 0 among all."""
    system: str = ""
    """System message; none by default."""
    prefill: str = ""
    """What every answer begins with, such as the opening fence of a code block."""
    device_batch: int | None = Field(default=None, gt=0)
    """Completions that a device trains on at once; by default its whole share."""
    max_new_tokens: int = 128
    """Longest completion in tokens."""
    save_steps: int = 50
    """Steps between checkpoints."""
    seed: int = 0
    """Seed of order and sampling."""


def main(settings: Grpo) -> None:
    """Train and write the policy folder."""
    import torch
    from trl import GRPOConfig, GRPOTrainer

    from code_reward.problem import load_problems
    from code_reward_trl.policy import load_policy
    from rm_train.checkpoints import begin, checkpoints, last_checkpoint, step_of
    from rm_train.lora import adapters
    from rm_train.training import common_arguments, quiet, train_policy

    quiet()
    if settings.lora and "ACCELERATE_USE_FSDP" in os.environ:
        raise ConfigurationError("--lora keeps the whole model in each process, which FSDP spreads; leave one of them out.")
    world, rank = (int(os.environ.get(name, default)) for name, default in (("WORLD_SIZE", "1"), ("RANK", "0")))
    device_batch, accumulate = _divide(settings, world)
    problems = load_problems(settings.problems)
    if len(problems) < settings.prompts:
        # TRL would leave the incomplete step out, and so train on nothing.
        raise DataError(
            f"{settings.problems} has {len(problems)} problems, fewer than the {settings.prompts} prompts of a step; give more, or lower "
            "--prompts."
        )
    reward, close = _reward(settings)
    # Whatever a checkpoint is stored in: in bfloat16 steps as small as 1e-6 would vanish in rounding. Adapters are float32 anyway.
    model, tokenizer = load_policy(settings.policy, dtype="auto" if settings.lora else "float32")
    begin(settings)
    checkpoint = last_checkpoint(checkpoints(settings.out))
    rollouts = settings.out.with_name(f"{settings.out.name}.rollouts{rank or ''}.jsonl")
    _keep_before(step_of(checkpoint) if checkpoint else 0, rollouts)
    config = GRPOConfig(
        **common_arguments(settings.out, learning_rate=settings.learning_rate, seed=settings.seed, save_steps=settings.save_steps),
        max_steps=settings.steps,
        per_device_train_batch_size=device_batch,
        gradient_accumulation_steps=accumulate,
        num_generations=settings.group,
        max_completion_length=settings.max_new_tokens,
        temperature=settings.temperature,
        top_k=settings.top_k,
        warmup_steps=settings.warmup,
        beta=settings.beta,
        lr_scheduler_type="linear",
        adam_beta2=settings.adam_beta2,
        disable_dropout=True,
        gradient_checkpointing=torch.cuda.is_available(),  # Without a GPU, time is shorter than memory.
    )
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=[_recorded(reward, rollouts, settings.prefill)],
        args=config,
        train_dataset=_dataset(problems, settings, tokenizer),
        processing_class=tokenizer,
        peft_config=adapters(model, settings.lora) if settings.lora else None,
    )
    try:
        train_policy(trainer, settings.out, "reinforcing the policy")
    finally:
        # Connections belong to the event loop that made them: TRL's own, in another thread.
        asyncio.run_coroutine_threadsafe(close(), trainer.async_loop).result()


def _divide(settings: Grpo, world: int) -> tuple[int, int]:
    """Completions per device and backward pass, and passes per step; together, over `world` processes, those of a step."""
    completions = settings.prompts * settings.group
    device_batch = settings.device_batch or completions // world
    accumulate, rest = divmod(completions, max(device_batch * world, 1))
    if rest or not accumulate:
        raise ConfigurationError(
            f"{settings.prompts} prompts of {settings.group} completions do not divide among {world} processes of {device_batch}; "
            "change --prompts, --device-batch or the number of processes."
        )
    return device_batch, accumulate


def _reward(settings: Grpo) -> tuple[RewardFunction, Callable[[], Coroutine[Any, Any, None]]]:
    """The reward function, and what closes its connections."""
    from code_reward_trl import rewards

    if settings.reward == "syntax":
        return rewards.syntax_reward(), _nothing
    if settings.reward == "tests":
        from reward_servers.sandbox import connect

        sandbox = connect()
        return rewards.unit_test_reward(sandbox, reward=settings.test_reward), sandbox.close
    if settings.rm is None or not settings.rm_url:
        raise ConfigurationError("--reward rm needs --rm (the reward model folder) and --rm-url (its server).")
    from reward_servers.client import ClientSettings, RewardClient

    client = RewardClient(settings.rm, urls=settings.rm_url, settings=ClientSettings(dtype=settings.rm_dtype))
    reward = rewards.model_reward(client, shaping=settings.shaping, rejected=settings.rejected)
    asyncio.run(_check(client))
    return reward, client.close


async def _check(client: RewardClient) -> None:
    """Raise if the reward model is not served: a policy that writes no program yet would not ask it for long."""
    async with client:  # It leaves this event loop; TRL asks from another.
        await client.check()


async def _nothing() -> None:
    pass


def _keep_before(step: int, path: Path) -> None:
    """Keep the rollouts of the steps before `step`: later ones are of another run, or will be repeated."""
    if path.exists():
        # A kill may have cut the last line short; every step before a checkpoint is whole.
        lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True) if line.endswith("\n")]
        write_text(path, "".join(line for line in lines if Rollout.model_validate_json(line).step < step))


def _recorded(reward: RewardFunction, path: Path, prefill: str) -> RewardFunction:
    """`reward` of whole answers, which begin with the prefill, and every answer with its reward appended to `path`."""
    from code_reward_trl.rewards import content

    async def recorded(completions: list[Completion], problem_id: list[str], trainer_state: Any, **columns: Any) -> list[float | None]:
        answers = [prefill + content(completion) for completion in completions]
        values = await reward(completions=answers, **columns)
        step = trainer_state.global_step
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as lines:
            for name, answer, value in zip(problem_id, answers, values, strict=True):
                row = Rollout(step=step, problem_id=name, response=answer, reward=value)
                lines.write(row.model_dump_json() + "\n")
        return values

    recorded.__name__ = reward.__name__
    return recorded


def _dataset(problems: list[Problem], settings: Grpo, tokenizer: PreTrainedTokenizerBase) -> object:
    from datasets import Dataset

    from code_reward_trl.policy import ask

    def prompt(statement: str) -> Any:
        """Rendered here, because TRL would end every prompt before the answer begins."""
        system = [{"role": "system", "content": settings.system}] if settings.system else []
        rendered = tokenizer.apply_chat_template([*system, *ask(statement)], tokenize=False, add_generation_prompt=True)
        return f"{rendered}{settings.prefill}"

    return Dataset.from_list(
        [
            {
                "prompt": prompt(problem.statement),
                "problem_id": problem.id,
                "statement": problem.statement,
                "entry_point": problem.entry_point,
                "starter_code": problem.starter_code,
                # As text: tests of several kinds do not share one Arrow schema.
                "tests": problem.model_dump_json(include={"tests"}).removeprefix('{"tests":').removesuffix("}"),
                "time_limit_seconds": problem.time_limit_seconds,
            }
            for problem in problems
        ]
    )


if __name__ == "__main__":
    run(Grpo, main)
