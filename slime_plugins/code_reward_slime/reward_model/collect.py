"""Make a reward model checkpoint of what slime exported: `python -m code_reward_slime.reward_model.collect`.

slime's `--save-hf` writes the weights under the names of a language model, the head as its `lm_head`. Here the head gets a classifier's
name, and the folder what the contract of `docs/design.md` asks for: bias, label names, input settings, reference scores.
"""

from __future__ import annotations

import json
from pathlib import Path

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError

LM_HEAD, HEAD = "lm_head.weight", "score.weight"


class Collect(Command):
    """Turn the Hugging Face folder that slime exported after reward model training into a reward model checkpoint."""

    exported: Path
    """What slime's --save-hf has written."""
    prepared: Path
    """The folder of code_reward_slime.reward_model.prepare."""
    out: Path
    """Folder for the reward model."""


def main(settings: Collect) -> None:
    """Rename the head, describe the classifier, score the references."""
    import shutil

    from code_reward.files import replacing_folder
    from code_reward.rm_input import FILE

    for path, made_by in ((settings.exported / "config.json", "slime's --save-hf"), (settings.prepared / FILE, "prepare")):
        if not path.exists():
            raise ConfigurationError(f"{path} is not there; give the folder that {made_by} has written.")
    with replacing_folder(settings.out) as folder:
        shutil.copytree(settings.exported, folder, dirs_exist_ok=True)
        shutil.copy(settings.prepared / FILE, folder / FILE)
        rename_head(folder)
        _describe(folder)
        _finish(folder)
    print(f"reward model: {settings.out}")


def rename_head(folder: Path) -> None:
    """Give the one-row `lm_head.weight` the name of a classifier's head, in its file and in the index."""
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    from code_reward.files import replacing, write_text

    for shard in sorted(folder.glob("*.safetensors")):
        with safe_open(shard, framework="pt") as tensors:
            if LM_HEAD not in tensors.keys():  # noqa: SIM118  (not a mapping)
                continue
            if tensors.get_slice(LM_HEAD).get_shape()[0] != 1:
                raise ConfigurationError(f"{shard} holds a language model; export a run with code_reward_slime.reward_model.model.provide.")
        named = {HEAD if name == LM_HEAD else name: tensor for name, tensor in load_file(shard).items()}
        with replacing(shard) as temporary:
            save_file(named, temporary, metadata={"format": "pt"})
        index = folder / "model.safetensors.index.json"
        if index.is_file():
            content = json.loads(index.read_bytes())
            content["weight_map"] = {HEAD if name == LM_HEAD else name: file for name, file in content["weight_map"].items()}
            write_text(index, json.dumps(content, indent=2) + "\n")
        return
    raise ConfigurationError(f"{folder} holds no {LM_HEAD}; give what slime's --save-hf wrote after reward model training.")


def _describe(folder: Path) -> None:
    """Let config.json say what the weights are: a classifier with one label, in bfloat16, as Megatron has trained it."""
    from safetensors import safe_open

    from code_reward.files import write_text

    config = json.loads((folder / "config.json").read_bytes())
    base = config["architectures"][0].partition("For")[0]
    shard = next(iter(sorted(folder.glob("*.safetensors"))))
    with safe_open(shard, framework="pt") as tensors:
        dtype = str(tensors.get_tensor(next(iter(tensors.keys()))).dtype).removeprefix("torch.")
    labels = {"num_labels": 1, "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    config |= {**labels, "architectures": [f"{base}ForSequenceClassification"], "dtype": dtype}
    config.pop("torch_dtype", None)
    write_text(folder / "config.json", json.dumps(config, indent=2) + "\n")


def _finish(folder: Path) -> None:
    """The zero bias, and scores of fixed problems by the very code that serves."""
    from code_reward.rm_input import RMInput
    from reward_servers.scorer import Scorer
    from rm_train.export import add_zero_bias, score_references
    from rm_train.specimens import SPECIMENS

    add_zero_bias(folder)
    rm_input = RMInput.load(folder)
    examples = [(statement, program if rm_input.settings.part == "code" else answer) for statement, answer, program in SPECIMENS]
    score_references(rm_input, examples, Scorer(folder).score).save(folder)


if __name__ == "__main__":
    run(Collect, main)
