"""Whether slime, Megatron and SGLang know every option of the command: slime itself ignores one that it does not know, without a word."""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from code_reward.errors import ConfigurationError
from code_reward_slime import trainer
from code_reward_slime.preflight.row import Row, failed, ok
from code_reward_slime.preflight.train_arguments import TrainArguments

PARSED_FIRST: Final = ("--train-backend", "--debug-rollout-only", "--debug-train-only", "--load-debug-rollout-data")
"""slime takes these off the command line before its parsers are made (`_pre_parse_mode`)."""


def check_options(arguments: TrainArguments) -> Iterator[Row]:
    """One row, which names the options that nobody knows."""
    known = known_options()
    unknown = [option for option in arguments.options if option not in known]
    if unknown:
        yield failed("options", "; ".join(_explain(option, known) for option in unknown) + "; slime would ignore what it does not know.")
    else:
        yield ok("options", f"all {len(list(arguments.options))} are known to slime, Megatron or SGLang")


def known_options() -> set[str]:
    """Every option of slime's real parsers; raises `ConfigurationError` if slime cannot be imported here."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return {*_megatron_and_slime(), *_sglang(), *PARSED_FIRST}
    except ImportError as error:
        raise ConfigurationError(
            f"slime's parsers cannot be imported ({error}); run this in slime's image, or put slime and Megatron-LM on PYTHONPATH."
        ) from error


def _megatron_and_slime() -> set[str]:
    from megatron.training.arguments import add_megatron_arguments

    parser = argparse.ArgumentParser(allow_abbrev=False)
    trainer.add_options(add_megatron_arguments(parser))
    return set(parser._option_string_actions)


def _sglang() -> set[str]:
    parser = argparse.ArgumentParser(add_help=False)
    trainer.add_engine_options(parser)
    return set(parser._option_string_actions)


def _explain(option: str, known: set[str]) -> str:
    close = get_close_matches(option, known, 1)
    return f"{option} is no option" + (f", did you mean {close[0]}?" if close else "")
