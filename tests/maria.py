"""A real MariaDB for tests, where its server program is installed: a child that ends with the block."""

import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.services.processes import readiness
from harness.services.processes.ports import free_port
from harness.services.processes.process import running

PROGRAM = "mariadbd"
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")


@asynccontextmanager
async def started(place: Path) -> AsyncIterator[str]:
    """Start a server with one user; yield its address as Go's driver is told it. Skip the test where there is none."""
    program = shutil.which(PROGRAM, path=PLACES)
    if program is None:
        pytest.skip("MariaDB is not installed: apt-get install mariadb-server-core")
    data, word, port = place / "maria", secrets.token_hex(8), free_port()
    (data / "mysql").mkdir(parents=True)
    share = Path(program).resolve().parents[1] / "share" / "mysql"
    base = [
        program,
        "--no-defaults",
        f"--datadir={data}",
        f"--lc-messages-dir={share}",
        *(["--user=root"] if not os.geteuid() else []),
    ]
    user = (
        f"CREATE DATABASE shop;\nCREATE USER me@'%' IDENTIFIED BY '{word}';\nGRANT ALL ON shop.* TO me@'%';\n"
    )
    tables = "".join((share / name).read_text() for name in TABLES)
    subprocess.run(
        [*base, "--bootstrap", "--skip-networking"],
        input=f"CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\n{tables}FLUSH PRIVILEGES;\n{user}",
        text=True,
        capture_output=True,
        check=True,
    )
    log = place / "maria.log"
    argv = [*base, "--bind-address=127.0.0.1", f"--port={port}", f"--socket={place / 'maria.sock'}"]
    async with running(argv, name="maria", log=log, ready=readiness.line("ready for connections", log)):
        yield f"me:{word}@tcp(127.0.0.1:{port})/shop"
