"""Rows of files: as they are, within bounds, and refused with the line where they are not."""

import json
import os
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from harness.foundation.errors import UsageError
from harness.foundation.secrets import hiding
from harness.load import feeders
from harness.load.feeders import read_rows


def read(file: Path, data: str | bytes, *numbers: str) -> list[dict[str, Any]]:
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_rows("people", {"file": str(file), "numbers": list(numbers)})


def test_each_kind_of_file_gives_the_same_rows(tmp_path: Path) -> None:
    """Cells of CSV are texts, but for columns that are numbers; an empty line is none."""
    expected = [{"id": 1, "name": 'a, "b"'}, {"id": 2.5, "name": "010"}]

    csv = read(tmp_path / "a.csv", '\ufeffid,name\n1,"a, ""b"""\n\n2.5,010\n', "id")
    jsonl = read(tmp_path / "a.jsonl", "".join(f"{json.dumps(row)}\n\n" for row in expected))
    parquet.write_table(pa.table({"id": [1.0, 2.5], "name": ['a, "b"', "010"]}), tmp_path / "a.parquet")

    assert csv == jsonl == expected
    assert read_rows("people", {"file": str(tmp_path / "a.parquet")}) == expected


@pytest.mark.parametrize(
    ("name", "data", "numbers", "message"),
    [
        ("a.csv", "", (), "It has no rows|head names 0 columns"),
        ("a.csv", "id\n", (), "It has no rows"),
        ("a.csv", "id,id\n1,2\n", (), "Line 1: a column stands twice"),
        ("a.csv", "id,name\n1,a\n2\n", (), "Line 3: it has 1 cells, and the head 2"),
        ("a.csv", "id\n1\nx\n", ("id",), "Line 3, id: 'x' is not a number"),
        ("a.csv", "id\nNaN\n", ("id",), "Line 2, id: 'NaN' is not a number"),
        ("a.csv", "id\n1\n", ("price",), "Line 1: there is no column price"),
        ("a.csv", 'id\n"a\n', (), "Line 2: "),
        ("a.csv", "id\n" + "x" * 100_001 + "\n", (), "Line 2: field larger than field limit"),
        ("a.csv", b"id\n\xff\n", (), "It is not UTF-8"),
        ("a.csv", ",".join(map(str, range(201))) + "\n", (), "Line 1: its head names 201 columns"),
        ("a.jsonl", '{"id": 1}\n[1]\n', (), "Line 2: it is not an object"),
        ("a.jsonl", '{"id": 1}\n{"id": \n', (), "Line 2: "),
        ("a.jsonl", '{"id": NaN}\n', (), "Line 1: "),
        ("a.jsonl", '{"id": ' + "[" * 60 + "]" * 60 + "}\n", (), "Line 1: .*nested more than 50 levels"),
        ("a.jsonl", '{"id": 1, "id": 2}\n', (), "Line 1: .*stands twice"),
        ("a.parquet", b"PAR1 and no more PAR1", (), "It is not a Parquet file that can be read"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, name: str, data: str | bytes, numbers: tuple[str, ...], message: str
) -> None:
    """Exit 2, before anything starts."""
    with pytest.raises(UsageError, match=r"The file of data\.people cannot be used") as refused:
        read(tmp_path / name, data, *numbers)

    assert refused.value.exit_code == 2
    assert re.search(message, refused.value.why), refused.value.why


def test_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes and in rows; of a file that is not there that is said."""
    monkeypatch.setattr(feeders, "ROWS_MOST", 2)
    monkeypatch.setattr(feeders, "BYTES_MOST", 100)
    parquet.write_table(pa.table({"id": [1, 2, 3]}), tmp_path / "a.parquet")

    for data, message in (
        ("id\n1\n2\n3\n", "more than 2 rows"),
        ("id\n" + "x" * 100, "larger than 100 bytes"),
    ):
        with pytest.raises(UsageError, match=message):
            read(tmp_path / "a.csv", data)
    with pytest.raises(UsageError, match="larger than 100 bytes"):
        read_rows("people", {"file": str(tmp_path / "a.parquet")})
    with pytest.raises(UsageError, match="No such file"):
        read_rows("people", {"file": str(tmp_path / "none.csv")})


def test_columns_with_secret_names_are_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever their values are written; more than can be hidden are refused."""
    data = "name,api_token\nme,tok-secretword-1\nyou,tok-secretword-2\n"
    read(tmp_path / "a.csv", data)

    assert "secretword" not in hiding.hide("it said tok-secretword-2 to me")
    monkeypatch.setattr(feeders, "SECRETS_MOST", 1)
    with pytest.raises(UsageError, match=r"secret names \(api_token\) hold more than 1 values"):
        read(tmp_path / "a.csv", data)


@given(st.binary(max_size=200), st.sampled_from(["csv", "jsonl", "parquet"]))
def test_any_bytes_are_rows_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str
) -> None:
    """And nothing else."""
    file = tmp_path_factory.getbasetemp() / f"any.{kind}"
    try:
        assert read(file, data)
    except UsageError as error:
        assert error.why  # noqa: PT017 - or it is read


def test_a_secret_is_known_in_whatever_row_it_stands_and_however_deep(tmp_path: Path) -> None:
    """The first row alone does not say which columns there are."""
    rows = '{"id": 1}\n{"token": "Zq-s3kret-1"}\n{"a": [{"password": ["Zq-s3kret-2"]}], "b": "Zq-plain-3"}\n'
    read(tmp_path / "a.jsonl", rows)
    assert [hiding.hide(f"Zq-{word}") for word in ("s3kret-1", "s3kret-2", "plain-3")] == [
        "(hidden)", "(hidden)", "Zq-plain-3",
    ]  # fmt: skip


def test_a_text_that_is_repeated_without_end_is_not_held(tmp_path: Path) -> None:
    """A file of 5 KB that stands for 15 GB."""
    once = pa.DictionaryArray.from_arrays(pa.array([0] * 150_000, pa.int32()), pa.array(["x" * 100_000]))
    parquet.write_table(pa.table({"a": once}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 50_000
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match="more than 200,000,000 bytes"):
            read_rows("people", {"file": str(tmp_path / "a.parquet")})
        assert tracemalloc.get_traced_memory()[1] < 400_000_000
    finally:
        tracemalloc.stop()


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody would write to it."""
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(UsageError, match="It is not a file"):
        read_rows("people", {"file": str(tmp_path / "a.csv")})
