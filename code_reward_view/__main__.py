"""`code-reward view RUN`: what a run did, on a page in the browser."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError


class View(Command):
    """Look at a run in the browser: rollouts of slime and TRL, the quickstart, labelled or scored files, searches, evaluations.

    The page follows files that are still being written. It is served on 127.0.0.1 alone, and nothing of the run is changed or executed.
    """

    run: CliPositionalArg[Path]
    """Folder of a run, or one file of answers."""
    port: int = Field(default=0, ge=0, le=65535)
    """Port of the page; 0 takes a free one and prints it."""
    save: Path | None = None
    """Write the page with the run's main figures and errors into this HTML file instead, to be sent to somebody."""


def main(settings: View) -> None:
    """Serve the page until told to stop, or write it."""
    from code_reward_view.run import Run

    if settings.save is not None:
        from code_reward_view.export import write_page

        write_page(settings.run, settings.save)
        print(settings.save)
        return
    seen = Run(settings.run)
    try:
        from code_reward_view.server import serve
    except ImportError as error:
        raise ConfigurationError(f"{error}; the page needs a server: install code-reward[serve].") from error
    serve(seen, settings.port)


def start(words: list[str], program: str | None = None) -> None:
    """Run the command on the words after its name."""
    run(View, main, words, program)


if __name__ == "__main__":
    start(sys.argv[1:])
