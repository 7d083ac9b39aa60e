"""The runs behind `python -m rm_train.train` and `python -m rm_train.regress`: from rows and a starting model to an exported checkpoint."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from code_reward.files import replacing_folder
from code_reward.rm_input import RMInput
from rm_train.batches import Batches, Losses
from rm_train.checkpoints import begin, checkpoints, is_made, remove, require_replaceable, setup_of
from rm_train.encoding import Encoded, encode_once
from rm_train.examples import PAIRS, PREFIXES, Kind
from rm_train.export import export
from rm_train.heap import give_back
from rm_train.inputs import load_input
from rm_train.loop import Run
from rm_train.lora import merged
from rm_train.losses import bradley_terry, regression
from rm_train.masks import attention_of
from rm_train.model import RewardModel
from rm_train.places import require_shared, require_writable, writing
from rm_train.plan import ROW_TOKENS, Plan
from rm_train.processes import Processes, processes, whole
from rm_train.reporting import Log, require_reporter
from rm_train.settings import Regress, Train, Training
from rm_train.starting import load_model
from rm_train.training import quiet
from rm_train.validation import Validation


def fit(settings: Train) -> None:
    """Train on the pairs that fit the model's input, export, and print how many did not fit."""
    _run(settings, settings.pairs, PAIRS, partial(bradley_terry, centring=settings.centring))


def regress(settings: Regress) -> None:
    """Train on the prefixes that fit the model's input, export, and print how many did not fit."""
    _run(settings, settings.prefixes, PREFIXES, regression)


def _run(settings: Training, path: Path, kind: Kind, losses: Losses) -> None:
    quiet()
    require_replaceable(settings.out)
    require_writable(settings.out)
    require_reporter(settings.report_to)
    if is_made(settings, processes_matter=False):
        print(f"{settings.out} is there already, made by this very command")
        return
    with processes() as here:
        require_shared(settings.out, here)
        rm_input = load_input(settings.init, settings.preset)
        data = _encoded(settings, path, kind, rm_input, here)
        tokenizer = AutoTokenizer.from_pretrained(str(settings.init))
        log, model, dtype = _train(settings, data, rm_input, losses, tokenizer.pad_token_id or 0, here)
        state = _gather(model, dtype, here)
        if here.first:
            _export(model, tokenizer, rm_input, data, settings, state, log, here.device)
            print(f"trained on {len(data.examples)} {kind.name} of {len(data.problems) - 1} problems: {settings.out}")
            if data.left_out:
                print(f"{data.left_out} {kind.name} did not fit the model's input")
        here.wait()


def _encoded(settings: Training, path: Path, kind: Kind, rm_input: RMInput, here: Processes) -> Encoded:
    """Encoded by one process, and by one of each other machine that does not see what it wrote; read by all."""
    cache = settings.cache or checkpoints(settings.out)
    if here.first:
        encode_once(path, kind, rm_input, settings.init, cache)
    here.wait()
    if os.environ.get("LOCAL_RANK", "0") == "0":
        encode_once(path, kind, rm_input, settings.init, cache)
    begin(settings, processes_matter=False)
    here.wait()
    return encode_once(path, kind, rm_input, settings.init, cache)


def _train(
    settings: Training, data: Encoded, rm_input: RMInput, losses: Losses, pad_id: int, here: Processes
) -> tuple[Log, RewardModel, torch.dtype]:
    model, wrapped, dtype = load_model(settings, here, attention_of(here.device))
    row_tokens = settings.row_tokens or ROW_TOKENS[here.device.type]
    plan = Plan(data, batch=settings.batch_size, epochs=settings.epochs, row_tokens=row_tokens, processes=here.world, seed=settings.seed)
    folder = checkpoints(settings.out)
    log = Log(folder, settings, speaks=here.first)
    batches = Batches(data, here.device, row_tokens, pad_id)
    measure = Validation(settings.valid, rm_input, model, here, row_tokens, pad_id) if settings.valid else None
    Run(settings, here, model, wrapped, dtype, plan, batches, losses, log, folder, measure).train()
    return log, model, dtype


def _gather(model: RewardModel, dtype: torch.dtype, here: Processes) -> dict[str, Tensor]:
    """The classifier's weights, adapters merged, in the precision that was computed in; complete on the first process alone."""
    state: dict[str, Tensor] = {}
    for name, tensor in model.classifier.state_dict().items():
        full = merged(model.classifier, name, whole(tensor.detach()))
        if full is not None and here.first:
            state[full[0]] = full[1].to("cpu", dtype)
    return state


def _export(
    model: RewardModel,
    tokenizer: PreTrainedTokenizerBase,
    rm_input: RMInput,
    data: Encoded,
    settings: Training,
    state: dict[str, Tensor],
    log: Log,
    device: torch.device,
) -> None:
    classifier = model.classifier
    classifier.config.dtype = next(iter(state.values())).dtype
    with writing(settings.out), replacing_folder(settings.out) as folder:
        export(classifier, tokenizer, rm_input, data.references, folder, state=state, device=str(device))
        log.save(folder, setup_of(settings.out))
    give_back()
    remove(checkpoints(settings.out))
