import signal
import subprocess
import sys
import textwrap

import pytest
from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError, DataError


class Options(Command):
    """Count things.

    The second paragraph.
    """

    size: int = 3
    """How many."""
    dry_run: bool = False
    name: str
    best_of: list[int] = Field(default=[])


def outcome(main, *arguments):
    with pytest.raises(SystemExit) as caught:
        run(Options, main, list(arguments))
    return caught.value.code


def test_options_are_kebab_case_and_flags_need_no_value():
    seen = []
    assert outcome(seen.append, "--name", "x", "--dry-run", "--best-of", "1,2") is None
    assert (seen[0].name, seen[0].dry_run, seen[0].best_of, seen[0].size) == ("x", True, [1, 2], 3)


def test_the_environment_stands_in_for_an_option_that_is_not_given(monkeypatch):
    monkeypatch.setenv("CODE_REWARD_SIZE", "7")
    seen = []
    outcome(seen.append, "--name", "x")
    outcome(seen.append, "--name", "x", "--size", "8")
    assert [options.size for options in seen] == [7, 8]


@pytest.mark.parametrize("kind", [tuple[str, ...], tuple[str, ...] | None])
def test_an_option_that_may_be_given_again_is_a_list_which_every_pydantic_settings_reads(kind):
    with pytest.raises(TypeError, match=r"Again\.change must be a list"):
        type("Again", (Command,), {"__module__": __name__, "__doc__": "Take a tuple.", "__annotations__": {"change": kind}, "change": ()})


def test_the_status_is_what_main_returns():
    assert outcome(lambda options: 5, "--name", "x") == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name", "x", "--size", "many"], "error: --size: "),
        (["--name", "x", "--best-of", "1,b"], "error: --best-of: "),
        ([], "--name"),
        (["--name", "x", "--unknown", "1"], "--unknown"),
    ],
)
def test_a_wrong_option_is_one_sentence_that_names_it_and_status_2(arguments, message, capsys):
    assert outcome(lambda options: None, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_wrong_environment_is_a_sentence_that_names_it(monkeypatch, capsys):
    monkeypatch.setenv("CODE_REWARD_BEST_OF", "abc")
    assert outcome(lambda options: None, "--name", "x") == 2
    assert "best_of" in capsys.readouterr().err


def test_our_own_error_is_one_line_and_status_2(capsys):
    def main(options):
        raise DataError("rows.jsonl, row 3: no id; add one.")

    assert outcome(main, "--name", "x") == 2
    assert capsys.readouterr().err == "error: rows.jsonl, row 3: no id; add one.\n"


@pytest.mark.parametrize("defect", [ZeroDivisionError(), ModuleNotFoundError("no module", name="code_reward.absent")])
def test_a_defect_of_ours_keeps_its_traceback(defect):
    def main(options):
        raise defect

    with pytest.raises(type(defect)):
        run(Options, main, ["--name", "x"])


def test_a_package_that_is_not_there_is_one_sentence(capsys):
    def main(options):
        import a_package_that_is_not_there  # noqa: F401

    assert outcome(main, "--name", "x") == 2
    told = capsys.readouterr().err
    assert told.startswith(
        f"error: {sys.executable} lacks what this command needs (No module named 'a_package_that_is_not_there'); install"
    )
    assert told.count("\n") == 1


def test_a_package_that_does_not_work_there_is_told_with_the_reason(capsys):
    def main(options):
        raise ImportError("Could not import module 'Model'.", name="transformers") from RuntimeError("operator nms does not exist")

    assert outcome(main, "--name", "x") == 2
    assert "(Could not import module 'Model': operator nms does not exist); " in capsys.readouterr().err


def test_an_interrupted_command_says_so(capfd):
    def main(options):
        raise KeyboardInterrupt

    assert outcome(main, "--name", "x") == 130
    assert capfd.readouterr().err == "error: interrupted; what was finished is kept.\n"


def test_what_a_library_makes_of_an_interrupt_is_the_interrupt(capfd):
    def main(options):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ConfigurationError("x cannot be written (unexpected pos 30 vs 0).") from None

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # Another test's command may have left its own there.
    try:
        assert outcome(main, "--name", "x") == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capfd.readouterr().err == "error: interrupted; what was finished is kept.\n"


def test_help_shows_the_docstring_and_the_attributes(capsys):
    assert outcome(lambda options: None, "--help") == 0
    out = capsys.readouterr().out
    assert "\nThe second paragraph.\n" in out
    assert "How many. (default: 3)" in out


PRINTER = """
    import socket
    from code_reward.cli import Command, run

    class Printer(Command):
        socket: bool = False

    def main(options):
        if options.socket:
            ours, theirs = socket.socketpair()
            theirs.close()
            ours.send(b"x")
        for _ in range(100000):
            print("a line")

    run(Printer, main)
"""


def start(tmp_path, *arguments):
    (tmp_path / "printer.py").write_text(textwrap.dedent(PRINTER))
    return subprocess.Popen(
        [sys.executable, str(tmp_path / "printer.py"), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    with start(tmp_path) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


def test_a_broken_pipe_elsewhere_is_not_hidden(tmp_path):
    with start(tmp_path, "--socket") as process:
        assert "BrokenPipeError" in process.stderr.read()
        assert process.wait() == 1
