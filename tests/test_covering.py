"""Which lines ran is noted by every process, as coverage itself would say it."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from coverage import Coverage

from tests.covering import __main__ as covering
from tests.covering.start import line_probes

SAMPLE = '''"""A module with every statement there is."""
from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass

NUMBERS = [
    1,
    2,
]


@dataclass(
    frozen=True
)
class Value:
    """A value."""

    number: int

    @property
    def double(self) -> int:
        """Twice."""
        return self.number * 2

    def never(self) -> None:
        print("never")


def chosen(value: object) -> str:
    if value == 1:
        word = "one"
    elif value == 2:
        word = "two"
    else:
        word = "many"
    match value:
        case 1:
            return word
        case int(
        ):
            pass
        case str():
            return "text"
    for number in range(3):
        if number == 1:
            continue
        word += str(number)
    else:
        word += "."
    while False:
        word += "!"
    return word


def caught(error: type[Exception] | None) -> str:
    try:
        if error:
            raise error("why")
    except ValueError:
        said = "value"
    except (KeyError, TypeError) as seen:
        said = str(seen)
    else:
        said = "nothing"
    finally:
        global LAST
        LAST = error
    return said


@contextmanager
def within():
    yield [
        number
        for number in NUMBERS
        if number
    ]


async def slowly() -> int:
    """Not slow."""
    async with asyncio.Lock():
        await asyncio.sleep(0)
    with within() as numbers:
        return sum(
            (lambda: numbers)()
        )


chosen(2)
chosen("x")
caught(TypeError)
caught(None)
assert Value(1).double == 2
asyncio.run(slowly())
'''


def test_the_lines_that_ran_are_those_that_coverage_would_have_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every kind of statement, those that ran and those that did not."""
    path = tmp_path / "sample.py"
    path.write_text(SAMPLE)
    ran = bytearray(SAMPLE.count("\n") + 12)
    monkeypatch.setitem(sys.modules, "sample", importlib.util.module_from_spec(spec := loading(path)))
    code = compile(line_probes.with_probes(ast.parse(SAMPLE), 10), str(path), "exec")
    exec(code, {"__name__": "sample", line_probes.NAME: ran})

    measured = Coverage(data_file=None, include=[str(path)], config_file=False)
    with measured.collect():
        assert spec.loader
        spec.loader.exec_module(sys.modules["sample"])
    _, statements, _, missing, _ = measured.analysis2(str(path))

    assert {line for line in statements if not ran[10 + line]} == set(missing)
    told = [SAMPLE.splitlines()[line - 1].strip() for line in missing]
    assert told == ['print("never")', 'word = "one"', "return word", 'said = "value"']


def loading(path: Path) -> importlib.machinery.ModuleSpec:
    spec = importlib.util.spec_from_file_location("sample", path)
    assert spec
    return spec


@pytest.mark.parts
def test_a_process_that_is_killed_has_noted_its_lines(tmp_path: Path) -> None:
    """And so has one that is started by `python -m`; the table says what neither ran."""
    covering.prepare(tmp_path)
    environment = {**os.environ, **covering.covered(tmp_path)}
    killed = "import os, harness.foundation.units as u; u.text_of_duration if 0 else os.kill(os.getpid(), 9)"
    for argv in (["-c", killed], ["-m", "harness", "--version"]):
        subprocess.run([sys.executable, *argv], env=environment, check=False, capture_output=True)

    ran = dict(covering.lines(tmp_path))
    assert ran[str(covering.ROOT / "harness" / "foundation" / "units.py")]
    assert ran[str(covering.ROOT / "harness" / "__main__.py")]
    assert not ran[str(covering.ROOT / "harness" / "report" / "html.py")]


@pytest.mark.parts
def test_checks_that_pytest_loads_of_its_own_accord_note_their_lines_and_nothing_is_kept_of_that(
    tmp_path: Path,
) -> None:
    """Also when pytest has kept them from an earlier run; and the next run without probes works."""
    covering.prepare(tmp_path)
    check = covering.ROOT / "harness" / "verify" / "checks" / "test_p2_limits.py"
    environment = {**os.environ, **covering.covered(tmp_path)}
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(check)]
    first = check.read_text(encoding="utf-8").splitlines().index("import pytest") + 1
    ran = tmp_path / "ran"
    for before, noted in ((environment, True), (environment, True), (os.environ, False)):
        ran.write_bytes(bytes(ran.stat().st_size))  # the second time the code is that of the first
        done = subprocess.run(argv, env=before, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert "ran__" not in done.stdout + done.stderr
        assert (first in dict(covering.lines(tmp_path))[str(check)]) == noted


@pytest.mark.parametrize(("wanted", "skipped", "least"), [(98, False, 98), (98, True, 90), (0, True, 0)])
def test_less_is_asked_for_where_tests_were_skipped(wanted: float, skipped: bool, least: float) -> None:
    """What a machine cannot run it cannot cover."""
    assert covering.least(wanted, skipped=skipped)[0] == least
