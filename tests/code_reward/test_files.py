import os
import shutil
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


@pytest.mark.parametrize("moment", ["while it removes", "between the renamings"])
def test_a_writer_killed_while_it_replaces_a_folder_leaves_whole_ones(tmp_path, monkeypatch, moment):
    path = tmp_path / "checkpoint"
    path.mkdir()
    for name in ("config", "weights"):
        (path / name).write_text("old")

    def removes_one_file_and_is_killed(folder, **named):
        for file in sorted(Path(folder).glob("*"))[:1]:
            file.unlink()
            os._exit(0)

    def renames_and_is_killed(source, target):
        os.replace(source, target)
        os._exit(0)

    child = os.fork()
    if child == 0:
        if moment == "while it removes":
            monkeypatch.setattr(shutil, "rmtree", removes_one_file_and_is_killed)
        else:
            monkeypatch.setattr(os, "rename", renames_and_is_killed)
        with replacing_folder(path) as temporary:
            for name in ("config", "weights"):
                (temporary / name).write_text("new")
        os._exit(1)
    assert os.waitpid(child, 0) == (child, 0)
    contents = {folder.name: {file.name: file.read_text() for file in folder.iterdir()} for folder in tmp_path.iterdir()}
    whole = [dict.fromkeys(("config", "weights"), age) for age in ("old", "new")]
    if moment == "while it removes":
        assert contents["checkpoint"] == whole[1]
    else:
        assert sorted(contents.values(), key=str) == sorted(whole, key=str)


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path, monkeypatch):
    path, rename = tmp_path / "checkpoint", os.rename
    path.mkdir()
    (path / "weights").touch()

    def fails_for_the_new_one(source, target):
        if source.suffix == ".tmp":
            raise OSError("no")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fails_for_the_new_one)
    with pytest.raises(OSError, match="no"), replacing_folder(path):
        pass
    assert [entry.name for entry in path.iterdir()] == ["weights"]
    assert list(tmp_path.iterdir()) == [path]
