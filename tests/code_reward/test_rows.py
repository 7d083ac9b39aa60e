import gzip
import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from code_reward.errors import DataError
from code_reward.rows import column_names, raw_rows, read_rows, write_rows, writing_rows

FORMATS = ["jsonl", "jsonl.gz", "parquet"]


class Item(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str
    size: int | None = None


WEIRD = [
    "\u2028\u2029\x85\x0b\x0c",
    "\r\n\r",
    "\x00",
    "\ufeff",
    "e\u0301\u202e",
    "\U0001f468\u200d\U0001f469",
    '"\\\n',
    "null",
    "[1]",
    "{}",
    "",
]

texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(WEIRD)
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts | st.just("\ud800 lone")
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6)
columns = st.sampled_from(["alpha", "beta", "naïve columñ", "order"])
items = st.builds(
    lambda name, size, extra: Item(name=name, size=size, **extra),
    texts,
    st.none() | st.integers(),
    st.dictionaries(columns, values, max_size=3),
)


def exactly(rows):
    """What equality alone would let pass: 1 == 1.0 == True."""
    return [json.dumps(row.model_dump(), sort_keys=True) for row in rows]


@pytest.mark.parametrize("suffix", FORMATS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rows=st.lists(items, max_size=5))
def test_what_is_written_is_read_back_exactly(tmp_path, suffix, rows):
    path = tmp_path / f"rows.{suffix}"
    write_rows(path, rows)
    assert exactly(read_rows(path, Item)) == exactly(rows)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    "column",
    [
        [1, 1.0, True],
        [1, "1", None],
        [None, None, None],
        [2**70, -(2**63), 0],
        [2**63, -1, 0],
        [[1], "[1]", None],
        [[], {}, None],
        [{"a": [None, {"b": "\u2028"}]}, {"c": 1.5}, [1, "x"]],
        ["\ud800", "plain", ""],
        [-0.0, 5e-324, 1.7976931348623157e308],
    ],
)
def test_a_column_of_mixed_values_is_read_back_exactly(tmp_path, suffix, column):
    rows = [Item(name=str(index), extra=value) for index, value in enumerate(column)]
    write_rows(tmp_path / f"rows.{suffix}", rows)
    assert exactly(read_rows(tmp_path / f"rows.{suffix}", Item)) == exactly(rows)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_column_that_is_not_there_is_not_a_column_of_none(tmp_path, suffix):
    rows = [Item(name="a", extra=None), Item(name="b"), Item(name="c", extra=3)]
    write_rows(tmp_path / f"rows.{suffix}", rows)
    assert [row.model_extra for row in read_rows(tmp_path / f"rows.{suffix}", Item)] == [{"extra": None}, {}, {"extra": 3}]


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_rows_give_the_same_bytes(tmp_path, suffix):
    first, second = (tmp_path / folder / f"rows.{suffix}" for folder in "ab")
    for path in (first, second):
        write_rows(path, [Item(name="x", extra=[1, 2])])
    assert first.read_bytes() == second.read_bytes()


def test_plain_columns_of_parquet_can_be_read_by_anyone(tmp_path):
    import pyarrow.parquet

    write_rows(tmp_path / "rows.parquet", [Item(name="a", size=1), Item(name="b")])
    assert pyarrow.parquet.read_table(tmp_path / "rows.parquet").to_pydict() == {"name": ["a", "b"], "size": [1, None]}


def test_parquet_of_others_with_nested_columns_is_read(tmp_path):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"name": ["a"], "tests": [[{"kind": "x"}]]}), tmp_path / "rows.parquet")
    assert read_rows(tmp_path / "rows.parquet", Item) == [Item(name="a", tests=[{"kind": "x"}])]


@pytest.mark.parametrize("line", ['{"name": "a\u2028b"}', '{"name": "a\x85b"}', '{"name": "a"}\r'])
def test_only_a_newline_ends_a_row(tmp_path, line):
    (tmp_path / "rows.jsonl").write_bytes(f"{line}\n{line}\n".encode())
    assert len(read_rows(tmp_path / "rows.jsonl", Item)) == 2


def test_a_file_without_a_last_newline_and_with_blank_lines_is_whole(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('\n{"name": "a"}\n   \n\n{"name": "b"}')
    assert [row.name for row in read_rows(path, Item)] == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"size": 1}', "no column name among size; rename yours"),
        ('{"name": 3}', "name: Input should be a valid string"),
        ('{"name": "a", "size": "big"}', "size: Input should be a valid integer"),
        ('{"name": "a"', "not JSON"),
        ("[1, 2]", "a list, not an object"),
        ("null", "a NoneType, not an object"),
        ("[" * 100_000, "not JSON"),
        ('{"size": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_a_bad_row_is_an_error_that_names_the_file_and_its_line(tmp_path, line, message):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"name": "good"}\n\n' + line + "\n")
    with pytest.raises(DataError) as caught:
        read_rows(path, Item)
    assert f"{path}, row 3: " in str(caught.value)
    assert message in str(caught.value)


def test_a_bad_row_of_parquet_is_named_too(tmp_path):
    write_rows(tmp_path / "rows.parquet", [Item(name="a"), Item(name="b", size=None)])

    class Strict(BaseModel):
        name: str
        size: int

    with pytest.raises(DataError, match="row 1: size"):
        read_rows(tmp_path / "rows.parquet", Strict)


def whole(suffix: str) -> bytes:
    if suffix == "jsonl":
        return b'{"name": "\xff"}\n'
    data = gzip.compress(b'{"name": "a"}\n' * 1000, mtime=0)
    return data[:40] if suffix == "jsonl.gz" else data


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_of_broken_bytes_is_an_error_that_names_it(tmp_path, suffix):
    path = tmp_path / f"rows.{suffix}"
    path.write_bytes(whole(suffix))
    with pytest.raises(DataError, match="cannot be read") as caught:
        read_rows(path, Item)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("position", range(12, 40, 3))
def test_a_damaged_gzip_is_an_error_and_not_fewer_rows(tmp_path, position):
    path = tmp_path / "rows.jsonl.gz"
    write_rows(path, [Item(name=f"row {index}") for index in range(200)])
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(DataError):
        read_rows(path, Item)


@pytest.mark.parametrize("name", ["rows.csv", "rows", "jsonl", "rows.gz"])
def test_an_unknown_type_of_file_is_an_error(tmp_path, name):
    with pytest.raises(DataError, match="unknown file type"):
        write_rows(tmp_path / name, [])
    with pytest.raises(DataError, match="unknown file type"):
        read_rows(tmp_path / name, Item)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_is_not_there_is_an_error_of_its_own_kind(tmp_path, suffix):
    with pytest.raises(DataError) as caught:
        read_rows(tmp_path / f"rows.{suffix}", Item)
    assert caught.value.kind == "no_such_file"


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, suffix):
    path = tmp_path / f"rows.{suffix}"
    write_rows(path, [Item(name="old")])

    class Unwritable(Item):
        def model_dump(self, **options):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        write_rows(path, [Item(name="new"), Unwritable(name="x")])
    assert [row.name for row in read_rows(path, Item)] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from code_reward.files import replacing

    with replacing(sys.argv[1]) as temporary:
        temporary.write_text("half a ro")
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("old", [None, '{"name": "old"}\n'])
def test_a_killed_writer_leaves_the_old_file_or_none(tmp_path: Path, old):
    path = tmp_path / "rows.jsonl"
    if old is not None:
        path.write_text(old)
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (path.read_text() if path.exists() else None) == old


def write_slowly(path, rows, group=2):
    with writing_rows(path, group) as write:
        for row in rows:
            write(row)


sound = st.text(st.characters(exclude_categories=["Cs"]))
alike = st.lists(st.builds(lambda name, size, flag: Item(name=name, size=size, flag=flag), sound, st.integers(-9, 9), st.booleans()))


@given(rows=alike, nothing_before=st.integers(0, 3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_that_are_written_one_by_one_are_read_as_they_were(tmp_path, rows, nothing_before):
    rows = [Item(name="", size=None, flag=True)] * nothing_before + rows
    write_slowly(tmp_path / "rows.parquet", rows)
    assert read_rows(tmp_path / "rows.parquet", Item) == rows


def test_what_is_written_one_by_one_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "rows.parquet"
    plain, other = Item(name="a", size=1), Item(name="a", size=1, more=2)
    for odd in (other, Item(name="a", size=2**80)):
        with pytest.raises(DataError, match="the rows before it"):
            write_slowly(path, [plain, plain, odd, plain])
        assert list(tmp_path.iterdir()) == []
    write_slowly(path, [])
    assert read_rows(path, Item) == []


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.parquet"])
def test_rows_one_by_one_give_the_rows_that_writing_them_at_once_gives(tmp_path, name, monkeypatch):
    rows = [Item(name="a\u2028" * 50, size=number, tests=[{"kind": str(number)}] * number) for number in range(7)]
    monkeypatch.setattr("code_reward.rows._GROUP_CHARACTERS", 150)
    write_slowly(tmp_path / name, rows, group=100)
    assert read_rows(tmp_path / name, Item) == rows
    write_rows(tmp_path / f"at_once_{name}", rows)
    if not name.endswith("parquet"):
        assert (tmp_path / name).read_bytes() == (tmp_path / f"at_once_{name}").read_bytes()
    else:
        assert pyarrow.parquet.ParquetFile(tmp_path / name).num_row_groups == 4


def test_only_the_columns_that_are_asked_for_are_decoded(tmp_path):
    write_rows(tmp_path / "rows.parquet", [Item(name="a", size=1)])
    assert [row for _, row in raw_rows(tmp_path / "rows.parquet", ["size", "nothing"])] == [{"size": 1}]
    assert column_names(tmp_path / "rows.parquet")[:2] == ["name", "size"]
