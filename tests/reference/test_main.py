"""`python -m harness.reference`: flags to settings."""

import dataclasses

import pytest

from harness.foundation.errors import USAGE
from harness.reference.__main__ import main, settings_of
from harness.reference.flags import FLAGS, arguments
from harness.reference.settings import Settings

URL = "postgresql://u@127.0.0.1/postgres"


def test_flags_become_settings(monkeypatch):
    """Each flag sets its field; what is not given keeps its default."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://other@127.0.0.1/x")
    flags = ["--database-url", URL, "--port", "0", "--session-ttl", "2.5", "--pool-max", "3", "--sse"]

    assert settings_of([*flags, "--allow-host", "a.test", "--allow-host", "b.test"]) == Settings(
        URL, port=0, session_ttl_s=2.5, pool_max=3, json_response=False, allowed_hosts=("a.test", "b.test")
    )


def test_database_url_may_come_from_the_environment(monkeypatch):
    """Without the flags DATABASE_URL and REDIS_URL are used."""
    monkeypatch.setenv("DATABASE_URL", URL)
    monkeypatch.setenv("REDIS_URL", "redis://h")

    assert settings_of([]) == Settings(URL, redis_url="redis://h")
    assert settings_of(["--redis-url", "redis://i"]).redis_url == "redis://i"


def test_every_setting_has_a_flag():
    """A setting that nobody can set is not one."""
    names = {field.name for field in dataclasses.fields(Settings)}

    assert set(FLAGS) == names


def test_settings_can_be_said_again_as_a_command_line(monkeypatch):
    """What `harness serve` was given reaches its child unchanged."""
    monkeypatch.setenv("DATABASE_URL", URL)
    given = {
        "port": 0,
        "session_ttl_s": 2.5,
        "json_response": False,
        "allowed_hosts": ("a", "b"),
        "schema": None,
    }

    assert arguments(given) == [
        *("--port", "0", "--session-ttl", "2.5", "--sse", "--allow-host", "a", "--allow-host", "b")
    ]
    assert settings_of(arguments(given)) == Settings(
        URL, port=0, session_ttl_s=2.5, json_response=False, allowed_hosts=("a", "b")
    )


def test_bad_value_ends_in_short_lines(monkeypatch, capsys):
    """What cannot work exits 2 with what, why and what to do."""
    assert main(["--database-url", URL, "--schema", "No"]) == USAGE
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_unknown_flag_exits_2(capsys):
    """argparse's own errors are usage errors too."""
    with pytest.raises(SystemExit) as ended:
        main(["--nonsense"])

    assert ended.value.code == USAGE
