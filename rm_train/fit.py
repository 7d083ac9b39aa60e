"""The runs behind `python -m rm_train.train` and `python -m rm_train.regress`: from rows and a starting model to an exported checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import AutoTokenizer, Trainer, TrainingArguments

from code_reward.errors import DataError
from code_reward.files import replacing_folder
from code_reward.reward_data import Pair, Prefix
from code_reward.rm_input import RMInput
from code_reward.rows import read_rows
from rm_train.answers import read_of_beginning, sides_of
from rm_train.checkpoints import begin
from rm_train.dataset import PairDataset, collate
from rm_train.export import export
from rm_train.inputs import load_input
from rm_train.model import PairModel, ValueModel, load_backbone
from rm_train.prefixes import PrefixDataset, collate_prefixes
from rm_train.training import common_arguments, quiet, resume

if TYPE_CHECKING:
    from rm_train.regress import Regress
    from rm_train.train import Train, Training


def fit(settings: Train) -> None:
    """Train on the pairs that fit the model's input, export, and print how many did not fit."""
    quiet()
    pairs = read_rows(settings.pairs, Pair)
    if not pairs:
        raise DataError(f"{settings.pairs} has no pairs; make some with python -m data_prep.pairs.")
    rm_input = load_input(settings.init, settings.preset)
    data = PairDataset(pairs, rm_input)
    if not len(data):
        raise DataError(f"None of the {len(pairs)} pairs of {settings.pairs} fits the model's input; use a preset with more tokens.")
    examples = [(pair.statement, text) for pair in pairs for text in sides_of(pair, rm_input.settings)]
    model = PairModel(load_backbone(settings.init, settings.seed, extra_layers=settings.extra_layers))
    if _train(model, data, collate, examples, rm_input, settings):
        print(f"trained on {len(pairs) - data.left_out} pairs of {len(data)} problems: {settings.out}")
        if data.left_out:
            print(f"{data.left_out} pairs did not fit the model's input")


def regress(settings: Regress) -> None:
    """Train on the prefixes that fit the model's input, export, and print how many did not fit."""
    quiet()
    rows = read_rows(settings.prefixes, Prefix)
    rm_input = load_input(settings.init, settings.preset)
    data = PrefixDataset(rows, rm_input)
    if not len(data):
        raise DataError(f"None of the {len(rows)} rows of {settings.prefixes} fits the model's input; give rows, or more tokens.")
    examples = [(row.statement, read_of_beginning(row.program, row.response, row.complete, rm_input.settings)) for row in rows]
    model = ValueModel(load_backbone(settings.init, settings.seed, extra_layers=settings.extra_layers))
    if _train(model, data, collate_prefixes, examples, rm_input, settings):
        print(f"trained on {len(rows) - data.left_out} prefixes of {len(data)} problems: {settings.out}")
        if data.left_out:
            print(f"{data.left_out} prefixes did not fit the model's input")


def _train(model: nn.Module, data: Any, collate: Any, examples: Sequence[tuple[str, str]], rm_input: RMInput, settings: Training) -> bool:
    """Train `model` and export its classifier; whether this process is the one that speaks."""
    begin(settings)
    tokenizer = AutoTokenizer.from_pretrained(str(settings.init))
    arguments = TrainingArguments(
        **common_arguments(settings.out, learning_rate=settings.learning_rate, seed=settings.seed, save_steps=settings.save_steps),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        lr_scheduler_type="cosine",
        warmup_steps=0.03,
        weight_decay=settings.weight_decay,
        adam_beta2=settings.adam_beta2,
        remove_unused_columns=False,
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=data, data_collator=partial(collate, pad_id=tokenizer.pad_token_id or 0))
    resume(trainer, "training the reward model")
    if not trainer.is_world_process_zero():
        return False
    with replacing_folder(settings.out) as folder:
        export(model.classifier, tokenizer, rm_input, examples, folder)
        trainer.state.save_to_json(str(folder / "trainer_state.json"))
    shutil.rmtree(arguments.output_dir, ignore_errors=True)
    return True
