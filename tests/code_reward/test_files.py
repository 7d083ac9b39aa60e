import os
from pathlib import Path

import pytest

from code_reward.files import replacing, replacing_folder, write_text


def test_text_is_written_as_utf8_into_folders_that_are_made(tmp_path):
    write_text(tmp_path / "new" / "notes.md", "naïve\n")
    assert (tmp_path / "new" / "notes.md").read_bytes() == "naïve\n".encode()


def test_a_file_is_the_old_one_until_the_body_is_done(tmp_path):
    path = tmp_path / "notes.md"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    path = tmp_path / "checkpoint"
    path.mkdir()
    (path / "stale").touch()
    with replacing_folder(path) as temporary:
        (temporary / "weights").touch()
    assert [entry.name for entry in path.iterdir()] == ["weights"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("replace", "begin"), [(replacing, Path.touch), (replacing_folder, lambda folder: (folder / "half").touch())])
def test_a_body_that_fails_changes_nothing(tmp_path, replace, begin):
    def fail():
        with replace(tmp_path / "it") as temporary:
            begin(temporary)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_of_the_same_process_id_left_is_no_obstacle(tmp_path):
    left = tmp_path / f".checkpoint.{os.getpid()}.tmp"
    left.mkdir()
    (left / "half").touch()
    with replacing_folder(tmp_path / "checkpoint") as temporary:
        (temporary / "weights").touch()
    assert [entry.name for entry in (tmp_path / "checkpoint").iterdir()] == ["weights"]
