"""Spools: what was written survives, what is torn does not count."""

import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.foundation.secrets import hiding
from harness.load.inside.users.recorder import BLOCK_ROWS, DETAILS_MAX, Recorder
from harness.run_directory.samples import SCHEMA, Tail, frame, load, seal
from harness.run_directory.schema import NULL, NULL_CODE, ORDER
from harness.run_directory.spool import SpoolFile, read_blocks
from tests.fakes.gauges import gauges


def recorder(path: Path, worker: int = 0) -> Recorder:
    return Recorder(SpoolFile(path), worker, lambda: gauges(5, lag_ms=[0.5], files_open=3))


def call(to: Recorder, outcome: str = "ok", detail: str = "", status: int = 200) -> None:
    seq = to.begin(1_000 + to.started)
    to.end(
        seq, 2_000, NULL, 3_000, to.code("user_class", "U"), to.code("operation", "op"), to.code("transport", "http"),
        outcome, detail, status, NULL_CODE, 1, 2, 300, 400, 1,
    )  # fmt: skip


def test_every_call_is_a_row_with_the_columns_of_the_contract(tmp_path: Path) -> None:
    """Numbers, dictionary texts, real nulls, in the contract's order."""
    spool = tmp_path / "spool"
    spool.mkdir()
    one = recorder(spool / "worker-0.spool", worker=3)
    call(one)
    call(one, "http_status", "503", 503)
    one.flush(last=True)
    one.close()

    assert seal(spool, tmp_path / "samples.parquet") == 2
    data = load(tmp_path / "samples.parquet")
    assert list(data.columns) == list(ORDER) == SCHEMA.names
    assert data["seq"].tolist() == [0, 1]
    assert data["outcome"].tolist() == ["ok", "http_status"]
    assert data["first_byte_ns"].isna().all()
    assert data["code"].isna().all()
    assert data["worker"].tolist() == [3, 3]
    assert data["reused"].tolist() == [True, True]


def test_a_full_block_is_written_by_itself(tmp_path: Path) -> None:
    """No call waits for a timer to find room."""
    one = recorder(tmp_path / "worker-0.spool")
    for _ in range(BLOCK_ROWS + 5):
        call(one)
    one.flush(last=True)

    blocks = [block for block, _ in read_blocks(tmp_path / "worker-0.spool")]
    assert [block.rows for block in blocks] == [BLOCK_ROWS, 5]
    assert [block.block for block in blocks] == [0, 1]
    assert (blocks[-1].gauges.started, blocks[-1].gauges.recorded, blocks[-1].gauges.last) == (
        BLOCK_ROWS + 5,
    ) * 2 + (True,)


@settings(max_examples=30, deadline=None)
@given(st.integers(min_value=0))
def test_a_spool_cut_anywhere_gives_its_whole_blocks_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    """A crash in mid-write loses the torn block only."""
    path = tmp_path_factory.mktemp("spool") / "worker-0.spool"
    one = recorder(path)
    sizes = []
    for rows in (1, 2, 3):
        for _ in range(rows):
            call(one)
        one.flush()
        sizes.append(path.stat().st_size)
    length = cut % (sizes[-1] + 1)
    path.write_bytes(path.read_bytes()[:length])

    whole = sum(size <= length for size in sizes)
    assert [block.rows for block, _ in read_blocks(path)] == [1, 2, 3][:whole]


def test_a_flipped_byte_ends_the_reading(tmp_path: Path) -> None:
    """Nothing is believed without its checksum."""
    path = tmp_path / "worker-0.spool"
    one = recorder(path)
    call(one)
    one.flush()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    assert list(read_blocks(path)) == []


def test_an_absurd_length_is_not_believed(tmp_path: Path) -> None:
    """A corrupt header does not make us read gigabytes."""
    path = tmp_path / "worker-0.spool"
    path.write_bytes(b"\xff" * 64)

    assert list(read_blocks(path)) == []


def test_a_missing_block_is_counted(tmp_path: Path) -> None:
    """The numbers show what is not there."""
    path = tmp_path / "worker-0.spool"
    one = recorder(path)
    ends = []
    for _ in range(3):
        call(one)
        one.flush()
        ends.append(path.stat().st_size)
    data = path.read_bytes()
    path.write_bytes(data[: ends[0]] + data[ends[1] :])
    tail = Tail(tmp_path)

    assert len(tail.read()) == 2
    assert tail.missing_blocks == 1


def test_a_tail_sees_every_block_once_and_remembers_the_words(tmp_path: Path) -> None:
    """Codes count on from block to block, and several spools do not mix."""
    one, two = recorder(tmp_path / "worker-0.spool"), recorder(tmp_path / "worker-1.spool", worker=1)
    tail = Tail(tmp_path)
    call(one, "timeout")
    one.flush()
    assert [table.num_rows for _, _, table in tail.read()] == [1]
    call(one, "timeout")
    call(one, "reset")
    one.flush()
    call(two, "reset")
    two.flush()

    fresh = tail.read()
    assert frame([table for _, _, table in fresh])["outcome"].tolist() == ["timeout", "reset", "reset"]
    assert [worker for _, worker, _ in fresh] == [0, 1]
    assert tail.read() == []


def test_details_are_bounded(tmp_path: Path) -> None:
    """A server that says something new every time does not fill the memory."""
    one = recorder(tmp_path / "worker-0.spool")
    for number in range(DETAILS_MAX + 50):
        call(one, "rpc_error", f"error {number} " + "x" * 500)
    one.flush()

    ((block, _),) = read_blocks(tmp_path / "worker-0.spool")
    assert len(block.texts["detail"]) <= DETAILS_MAX + 2
    assert block.texts["detail"][-1] == "(other)"
    assert max(map(len, block.texts["detail"])) <= 160


def test_a_failed_write_is_latched_and_what_was_written_before_still_counts(tmp_path: Path) -> None:
    """A file that may not grow: the torn block is taken back, nothing follows it, and calls go on being numbered."""
    path = tmp_path / "worker-0.spool"
    one = recorder(path)
    call(one)
    one.flush()
    size = path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
    try:
        call(one, "rpc_error", "new text")
        one.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    call(one)
    one.flush(last=True)

    assert one.failed == "File too large"
    assert [block.rows for block, _ in read_blocks(path)] == [1]
    assert path.stat().st_size == size
    assert (one.started, one.recorded) == (3, 3)


@pytest.mark.parametrize("where", ["in the worker", "where it is read"])
def test_a_row_has_no_secret_that_the_server_repeated(tmp_path: Path, where: str) -> None:
    """Whoever knows of it hides it; rows that differ in nothing else have one text, and others keep theirs."""
    spool = tmp_path / "spool"
    spool.mkdir()
    if where == "in the worker":
        hiding.learn("s3cr3t-value")
    one = recorder(spool / "worker-0.spool")
    for said in ("no s3cr3t-value", "no (hidden)", "other", "no s3cr3t-value", "z" * 150 + "s3cr3t-value"):
        call(one, "tool_error", said)
    one.flush()
    call(one, "tool_error", "last")
    one.flush(last=True)
    hiding.learn("s3cr3t-value")
    seal(spool, tmp_path / "samples.parquet")

    cut = "z" * 150 + "(hidden)"
    data = load(tmp_path / "samples.parquet")
    assert data["detail"].tolist() == ["no (hidden)", "no (hidden)", "other", "no (hidden)", cut, "last"]
    assert (where == "in the worker") == (b"s3cr3t" not in (spool / "worker-0.spool").read_bytes())
