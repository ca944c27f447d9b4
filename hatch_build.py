"""Compiles the fast lane (harness/load/inside/native/wire.c) when the package is built, if that is possible here.

    pip install .            a wheel with the module in C where there is a C compiler and Python's headers; else one without
    pip install -e .         the same, beside the source
    python hatch_build.py    compiles it beside the source, and says what went wrong

A failure is none of the build: everything works without the module (`harness doctor` says which path is taken).
`CC` and `CFLAGS` are heeded. `HARNESS_NATIVE=off` leaves it out.
"""

import contextlib
import hashlib
import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

PLACE: Final = Path("harness/load/inside/native")
SOURCE: Final = "wire.c"
MODULE: Final = f"_wire{sysconfig.get_config_var('EXT_SUFFIX')}"
FLAGS: Final = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared")
COMPILE_S: Final = 120


def compiled(root: Path, into: Path | None = None, flags: tuple[str, ...] = FLAGS) -> Path:
    """Compile the module; OSError or subprocess.SubprocessError when that fails."""
    source = root / PLACE / SOURCE
    module = (into or source.parent) / MODULE
    aside = module.with_name(f"{MODULE}.{os.getpid()}.new")
    source_hash = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    command = [
        *compiler,
        *flags,
        *shlex.split(os.environ.get("CFLAGS", "")),
        f'-DSOURCE_HASH="{source_hash}"',
        f"-I{sysconfig.get_path('include')}",
        str(source),
        "-lm",
        "-o",
        str(aside),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=COMPILE_S)
        aside.replace(module)  # a process that runs keeps what it has
    finally:
        aside.unlink(missing_ok=True)
    return module


def wanted() -> bool:
    return sys.platform == "linux" and os.environ.get("HARNESS_NATIVE", "").lower() not in {
        "off",
        "0",
        "no",
        "false",
    }


with contextlib.suppress(ImportError):  # only where hatchling builds
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class CompileHook(BuildHookInterface):  # type: ignore[misc,type-arg]
        """Hatchling's hook."""

        PLUGIN_NAME = "custom"

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Compile, and have the wheel say that it is for this platform."""
            del version
            if self.target_name != "wheel" or not wanted():
                return
            root = Path(self.root)
            try:
                module = compiled(root)
            except (OSError, subprocess.SubprocessError) as error:
                self.app.display_warning(
                    f"the fast lane was not compiled ({error}); everything works without it"
                )
                return
            build_data["artifacts"].append(str(module.relative_to(root)))
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


if __name__ == "__main__":
    try:
        print(compiled(Path(__file__).parent))  # noqa: T201
    except subprocess.CalledProcessError as error:
        sys.exit(f"the fast lane was not compiled: {error}\n{error.stderr}")
    except (OSError, subprocess.SubprocessError) as error:
        sys.exit(f"the fast lane was not compiled: {error}")
