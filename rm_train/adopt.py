"""Make a published reward model one of ours: `python -m rm_train.adopt MODEL --preset NAME`.

Adds to a Hugging Face `*ForSequenceClassification` folder what the contract of the design page asks for and published ones lack: a zero
`score.bias`, label names, `code_reward.json`, `reference_scores.json`. Weights do not change. Done twice it changes nothing the second
time; killed, it is done again.
"""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run


class Adopt(Command):
    """Turn a published reward model into a reward model checkpoint of code-reward."""

    model: CliPositionalArg[Path]
    """Hugging Face folder of a sequence classifier with one label, in safetensors."""
    preset: str
    """How problem and answer become its input: coderm-nt, codescaler, skywork, themis, generic, default, or a plugin's."""
    out: Path | None = None
    """Folder to write instead of changing MODEL itself; weights are hard links where the file system allows."""
    device: str = "cpu"
    """Where the reference scores are computed, in fp32: 4 bytes of memory per parameter."""


def main(settings: Adopt) -> None:
    """Adopt and report."""
    from rm_train.adoption import adopt

    print(adopt(settings.model, settings.preset, settings.out, settings.device))


if __name__ == "__main__":
    run(Adopt, main)
