"""Tests of journals: what was written survives kills and full disks, and nobody else writes."""

import os
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import ConfigurationError, DataError
from code_reward.journal import Appender, Journal, read_lines


@given(cut=st.integers(0, 200))
def test_a_line_that_a_kill_cut_short_is_dropped_and_the_others_are_kept(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("append") / "f.jsonl"
    file = Appender(path)
    for number in range(5):
        file.append({"n": number, "text": "é\n" * number})
    file.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - min(cut, len(whole))])
    kept = list(read_lines(path))
    file = Appender(path)
    file.append("after")
    file.close()
    assert list(read_lines(path)) == [*kept, "after"]
    assert [record["n"] for record in kept] == list(range(len(kept)))


def test_one_file_has_one_writer_and_damage_is_named(tmp_path):
    file = Appender(tmp_path / "f.jsonl")
    with pytest.raises(ConfigurationError, match="Another process"):
        Appender(tmp_path / "f.jsonl")
    file.close()
    (tmp_path / "f.jsonl").write_text('{"a": 1}\nnonsense\n{"a": 2}\n')
    with pytest.raises(DataError, match="line 2"):
        list(read_lines(tmp_path / "f.jsonl"))


def test_a_killed_writer_loses_no_line_that_it_has_appended(tmp_path):
    program = (
        "import sys, os\nfrom code_reward.journal import Appender\nfile = Appender(sys.argv[1])\n"
        "for n in range(100):\n    file.append(n)\nos.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "f.jsonl"], env={**os.environ, "PYTHONPATH": os.getcwd()}, check=False)
    assert done.returncode == -9
    assert list(read_lines(tmp_path / "f.jsonl")) == list(range(100))


@pytest.mark.parametrize("most", [1, 50, 5000])
def test_a_full_disk_stops_the_writer_and_leaves_no_half_line(tmp_path, most):
    program = (
        "import resource, sys\nfrom code_reward.errors import ConfigurationError\nfrom code_reward.journal import Appender\n"
        "file = Appender(sys.argv[1])\nresource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\n"
        "for n in range(100):\n"
        "    try:\n        file.append('x' * 99)\n"
        "    except ConfigurationError as error:\n        sys.exit(str(error))\n"
    )
    path = tmp_path / "f.jsonl"
    command = [sys.executable, "-c", program, str(path), str(most)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.getcwd()}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{path} cannot be written (File too large); make room" in done.stderr
    assert path.read_bytes().count(b"\n") == len(list(read_lines(path))) == most // 102
    assert path.stat().st_size == most // 102 * 102


def test_a_failed_sync_is_told_by_a_later_append(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(5, "Input/output error")

    file = Appender(tmp_path / "f.jsonl")
    monkeypatch.setattr("code_reward.journal.os.fsync", fail)
    file.append(1)

    def go_on():
        while True:
            file.append(2)
            time.sleep(0.01)

    with pytest.raises(ConfigurationError, match="Input/output error"):
        go_on()
    monkeypatch.undo()
    with pytest.raises(ConfigurationError, match="Input/output error"):
        file.close()


@pytest.mark.parametrize("later", [False, True], ids=["on closing", "before"])
def test_a_sync_that_failed_after_the_last_append_is_told_on_closing(tmp_path, monkeypatch, later):
    failed = threading.Event()

    def fail(_):
        failed.set()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("code_reward.journal.os.fsync", fail)
    monkeypatch.setattr("code_reward.journal.SYNC_SECONDS", 0.0 if later else 60.0)
    file = Appender(tmp_path / "f.jsonl")
    file.append(1)
    if later:
        assert failed.wait(10)
        file._syncer.join(10)
        monkeypatch.undo()
    with pytest.raises(ConfigurationError, match="Input/output error"):
        file.close()
    monkeypatch.undo()
    Appender(tmp_path / "f.jsonl").close()  # Nobody holds it.


def test_a_journal_drops_only_a_line_that_was_cut_short(tmp_path):
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.write("a", "passed")
        journal.write("b", "failed")
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        with Journal(path) as journal:
            assert len(journal.records) == whole[:size].count(b"\n")
            journal.write("c", "timeout")
        with Journal(path) as journal:
            assert journal.records["c"] == "timeout"
            assert len(journal.records) == whole[:size].count(b"\n") + 1


def test_two_processes_cannot_write_one_journal(tmp_path):
    with Journal(tmp_path / "journal"), pytest.raises(ConfigurationError, match="Another process"):
        Journal(tmp_path / "journal")


@pytest.mark.parametrize("line", [b"nonsense", b"[]", b'{"key": 1}', b"\xff"])
def test_a_file_that_is_no_journal_is_not_written_to(tmp_path, line):
    path = tmp_path / "journal"
    path.write_bytes(line + b"\n")
    with pytest.raises(DataError, match="line 1: not a"):
        Journal(path)
    assert path.read_bytes() == line + b"\n"
