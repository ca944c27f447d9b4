"""`harness verify` against servers that mean harm: the same behaviours as `make hostile`, below every door of a deployment.

make hostile-verify                        every behaviour, a line for each that did harm
python -m tests.e2e.hostile_verify name    those whose path has the word

Harm is: exit 70, a traceback, a check that broke, a command that does not end, "fit to serve" of a server that does not answer, a
secret or a control character in what is printed or kept, results that are no JSON or XML, anything told to another origin.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.e2e.hostile import servers
from tests.fakes.hostile import BEHAVIOURS, BY_PATH, Behaviour

TOKEN, KEY = "sesame-7f3a91", "k3y-of-the-gate-5520"
SPEC = """
auth: {good: {Authorization: "Bearer ${HOSTILE_TOKEN}"}}
tools: {safe: {x: {}}}
sessions: {required: true, delete: true}
write: {call: x, args: {id: "{{unique}}"}}
read: {call: x, args: {id: "{{unique}}"}}
remove: {call: x, args: {id: "{{unique}}"}}
health: {url: /health, contains: ok}
"""
WITHIN_S = 600.0  # of a busy machine
CODES = {0, 1, 2, 3, 4, 8}
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)


@dataclass
class Verified:
    """What the command said, and what of it is harm."""

    exit_code: int | None = None
    text: str = ""
    harm: list[str] = field(default_factory=list)


def verified(url: str, behaviour: Behaviour, *flags: str) -> Verified:
    """One command, and what it left."""
    seen = Verified()
    with tempfile.TemporaryDirectory(prefix="hostile-") as place:
        (Path(place) / "verify.yaml").write_text(SPEC, encoding="utf-8")
        command = [
            sys.executable, "-m", "harness", "verify", "--url", f"{url}/mcp", "-H", f"X-Gate: {KEY}", f"{place}/verify.yaml",
            "--timeout", "500ms", "--allow-writes", "--out", f"{place}/out", *flags,
        ]  # fmt: skip
        environment = os.environ | {"HOSTILE_TOKEN": TOKEN}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, env=environment, timeout=WITHIN_S, check=False, errors="replace"
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            seen.harm.append(f"did not end in {WITHIN_S:g} s")
            return seen
        seen.exit_code, seen.text = done.returncode, done.stdout + done.stderr
        kept = {path.name: path.read_text(encoding="utf-8", errors="replace") for path in _kept(Path(place))}
    seen.harm += harm(seen, behaviour, kept)
    return seen


def _kept(place: Path) -> list[Path]:
    return [path for path in (place / "out").rglob("*") if path.is_file()]


def harm(seen: Verified, behaviour: Behaviour, kept: dict[str, str]) -> list[str]:
    """What must never be, of what is."""
    found = []
    if seen.exit_code not in CODES:
        found.append(f"exit {seen.exit_code}")
    if seen.exit_code == 0 and not behaviour.fine:
        found.append("fit to serve")
    everything = {"the streams": seen.text, **kept}
    for name, text in everything.items():
        if "Traceback" in text or "the check itself crashed" in text:
            found.append(f"something broke, in {name}: {text[text.find('itself crashed') :][:160]!r}")
        if TOKEN in text or KEY in text:
            found.append(f"a secret in {name}")
        if CONTROL.search(text) or (name != "results.json" and COMMAND.search(text)):
            found.append(f"a control character, or a command of a CI, in {name}")
    for name, read in (("results.json", json.loads), ("junit.xml", ET.fromstring)):
        try:
            read(kept.get(name, "{}" if name.endswith("json") else "<x/>"))
        except (ValueError, ET.ParseError) as error:
            found.append(f"{name} cannot be read: {error}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("words", nargs="*", help="only what has one of these in its path")
    parser.add_argument("--keep-going", action="store_true", help="run every check, whatever failed")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    chosen = [one.path for one in BEHAVIOURS]
    chosen += [f"/calls{one.path}" for one in BEHAVIOURS if one.kind == "http" and not one.fine]
    chosen = [path for path in chosen if not asked.words or any(word in path for word in asked.words)]
    flags = ["--keep-going"] if asked.keep_going else []
    harmed = 0
    with servers() as (url, told), ThreadPoolExecutor(asked.jobs) as pool:

        def one(path: str) -> tuple[str, Verified]:
            return path, verified(url + path, BY_PATH[path.removeprefix("/calls")], *flags)

        for path, seen in pool.map(one, chosen):
            harmed += bool(seen.harm)
            if seen.harm:
                print(f"{path}: exit {seen.exit_code} {'; '.join(seen.harm)}", flush=True)  # noqa: T201
        harmed += bool(told)
        print(f"{len(chosen)} commands, {harmed} with harm; another origin was told {told or 'nothing'}")  # noqa: T201
    return 1 if harmed else 0


if __name__ == "__main__":
    sys.exit(main())
