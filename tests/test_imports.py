"""A process imports what it needs, when it needs it: what a user waits for at the start of a run."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.parts

# What is imported, and what must not come with it.
LATE = [
    (
        "harness.cli.load_command, harness.conduct.run",
        {"numpy", "pandas", "pyarrow", "scipy", "matplotlib", "jsonschema"},
    ),
    ("harness.reference.serve", {"redis", "aio_pika", "numpy"}),
    ("harness.load.inside.distributed.local", {"pydantic", "numpy"}),
]


@pytest.mark.parametrize(("modules", "late"), LATE, ids=["run", "reference", "worker"])
def test_what_a_process_may_never_need_is_not_imported_at_its_start(modules: str, late: set[str]) -> None:
    program = f"import sys, {modules}\nprint(*sorted({late!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []
