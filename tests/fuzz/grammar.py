"""What hostile values are made of: bounded, so that making one never takes longer than reading it should.

Everything is drawn from the `Random` that is given, and from nothing else: the same seed makes the same input.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

SECRET: Final = "Zq7-s3ntinel-x91Kp4"  # planted where secrets come in; nobody may repeat it
VALUES_MOST: Final = 60_000
TEXT_MOST: Final = 100_000
DEPTHS: Final = (1, 2, 3, 5, 20, 49, 50, 51, 52, 200, 940, 1_000, 5_000, 40_000)

ODD_TEXTS: Final = (
    "", " ", "\t", "0", "010", "0x10", "1:30", "1e999", ".nan", ".inf", "NaN", "null", "~", "yes", "true", "-1", "+5", "1_000", "٣",
    "²", "\x1b[2J", "\x1b]0;title\x07", "::error::x", "##[error]x", "\r\n", "a\nb", "\u2028", "\ufeff", "\ud800", "\x00", "é" * 40, "{{",
    "}}", "{{uuid}}", "{{random_int 1 2}}", "{{random_int 9 1}}", "{{nope x}}", "${", "${}", "${HOME}", "${NOT_SET}", "*", "&a", "<<", "!!x",
    "../..", "<script>", "'", '"', "\\", "%", "%00", "%s", "{0}", "localhost", "127.0.0.1:1", "http://127.0.0.1:1/", "http://[::1", "last_good",
    "none", "auto", "=", ",", ":", "a=b", "--", "-H", "@", "#", "?", "|", ">", "`", "- -", "[", "]", "{", "}",
)  # fmt: skip
QUANTITIES: Final = (
    "0s", "1ns", "1ms", "30s", "5m", "1m30s", "8h", "366d", "367d", "0.1s", "1.s", ".5s", "1e3s", "-1s", "9" * 15 + "s", "9" * 400 + "s", "95%",
    "0.95", "101%", "100%", "0%", "500/s", "1/h", "0/s", "1000000/s", "1000001/s", "0.000001/s", "64KB", "1MiB", "64KB/s", "0B", "100ms..2s",
    "2s..1s", "1s..", "p95 < 250ms", "success_rate >= 99%", "p95 < 1s in steady", "p50 == 0ms overall", "success_rate < 50% for 10s",
    "throughput > 1/s for tools/call:echo", "recovery < 10s after slow", "p95 <", "x < 1",
)  # fmt: skip
NUMBERS: Final = (
    0, 1, -1, 2, 3, 5, 7, 10, 20, 50, 64, 65, 100, 999, 1_000, 65_535, 65_536, 100_000, 100_001, 2**31, 2**53, 2**63 - 1, 2**63, 10**29, 10**40,
    0.0, -0.0, 0.5, 1e-9, 1e-300, 1e300, 3.7,
)  # fmt: skip


def text(random: Random) -> str:
    """A word, an odd one, or a long one; one with the secret in it, which the environment has made known."""
    if random.random() < 0.04:
        return (
            "a" * random.choice((0, 1, 30, 45, 50, 55, 110, 290, 490))
            + SECRET
            + "b" * random.choice((0, 5, 600))
        )
    kind = random.random()
    if kind < 0.55:
        return random.choice(ODD_TEXTS)
    if kind < 0.75:
        return random.choice(QUANTITIES)
    if kind < 0.95:
        return "".join(
            random.choice("abcxyz019 _-.:/@=,%<>{}[]\"'\\$#&*!|\x1b\x07é\n")
            for _ in range(random.randint(1, 30))
        )
    return long_text(random)


def long_text(random: Random) -> str:
    """Something short, again and again."""
    piece = random.choice(
        (
            "a",
            "9",
            "token",
            "a=",
            "[",
            "{",
            " ",
            "-",
            "a.",
            "://",
            "@",
            "{{",
            "a,",
            "\n",
            "é",
            "token=Xy9z ",
            '\\"',
            "*a ",
            "%",
        )
    )
    return piece * (random.choice((200, 500, 2_000, 20_000, TEXT_MOST)) // len(piece))


def number(random: Random) -> int | float:
    return random.choice(NUMBERS)


def scalar(random: Random) -> Any:
    """Anything without parts."""
    return random.choice((text, text, number, lambda _: None, lambda _: True, lambda _: False))(random)


def tree(random: Random, values: int = 40) -> Any:
    """Lists and mappings of anything, of so many values at most."""
    left = [min(values, VALUES_MOST)]
    return _tree(random, left, 0)


def _tree(random: Random, left: list[int], depth: int) -> Any:
    left[0] -= 1
    if depth > 8 or left[0] <= 0 or random.random() < 0.4:
        return scalar(random)
    size = random.randint(0, 5)
    if random.random() < 0.5:
        return [_tree(random, left, depth + 1) for _ in range(size) if left[0] > 0]
    return {text(random)[:200]: _tree(random, left, depth + 1) for _ in range(size) if left[0] > 0}


def deep(random: Random) -> str:
    """JSON that is nested, perhaps without an end."""
    depth = (
        random.choice(DEPTHS) if random.random() < 0.6 else random.randint(960, 1_000)
    )  # where Python ends
    opens, closes = random.choice((("[", "]"), ('{"a":', "}")))
    return opens * depth + "1" + closes * (depth if random.random() < 0.7 else 0)


def wide(random: Random) -> list[Any]:
    """As many values as a maker may make."""
    return (
        [scalar(random) for _ in range(random.choice((100, 501, 2_000, VALUES_MOST)))]
        if random.random() < 0.3
        else [1] * VALUES_MOST
    )


Path = tuple[Any, ...]


def paths(value: Any, most: int = 2_000) -> list[Path]:
    """Where anything stands in a tree, from its root on."""
    found: list[Path] = []
    todo: list[tuple[Path, Any]] = [((), value)]
    while todo and len(found) < most:
        path, one = todo.pop()
        found.append(path)
        if isinstance(one, dict):
            todo += [((*path, key), item) for key, item in one.items()]
        elif isinstance(one, list):
            todo += [((*path, index), item) for index, item in enumerate(one)]
    return found


def mutated(
    random: Random, value: Any, fresh: Callable[[Random], Any] = tree, times: int | None = None
) -> Any:
    """A copy of a tree, in a few places of which something else stands, is gone, or stands twice."""
    copy = json.loads(json.dumps(value))
    for _ in range(times if times is not None else random.choice((1, 1, 1, 2, 3, 6))):
        path = random.choice(paths(copy))
        if not path:
            if random.random() < 0.05:
                return fresh(random)
            continue
        parent = copy
        for key in path[:-1]:
            parent = parent[key]
        match random.randrange(5):
            case 0:
                del parent[path[-1]]
            case 1 if isinstance(parent, dict):
                parent[text(random)[:200]] = fresh(random)
            case 1 | 2 if isinstance(parent, list):
                parent.insert(path[-1], fresh(random))
            case _:
                parent[path[-1]] = fresh(random)
    return copy


def cut(random: Random, data: bytes) -> list[bytes]:
    """The same bytes in pieces: one, bytes by themselves, or any."""
    kind = random.random()
    if kind < 0.25 or len(data) < 2:
        return [data]
    if kind < 0.4 and len(data) < 2_000:
        return [data[at : at + 1] for at in range(len(data))]
    edges = sorted(random.randint(0, len(data)) for _ in range(random.randint(1, 12)))
    return [
        data[start:end] for start, end in zip([0, *edges], [*edges, len(data)], strict=True) if end > start
    ]


def spoilt(random: Random, data: bytes) -> bytes:
    """Some bytes changed, gone, doubled, or put in."""
    found = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        at = random.randint(0, max(0, len(found) - 1))
        match random.randrange(5):
            case 0 if found:
                found[at] ^= 1 << random.randrange(8)
            case 1:
                del found[at : at + random.choice((1, 4, 100))]
            case 2:
                found[at:at] = found[at : at + random.randint(1, 40)]
            case 3:
                found[at:at] = random.choice(
                    (
                        b"\x00",
                        b"\xff",
                        b"\xed\xa0\x80",
                        b"\r\n",
                        b"\n\n",
                        b"[" * 60,
                        b"9" * 40,
                        b"NaN",
                        b"\x1b[2J",
                    )
                )
            case _:
                del found[at:]
    return bytes(found)


def one_of(random: Random, *makers: Callable[[Random], Any]) -> Any:
    return random.choice(makers)(random)


def some(random: Random, words: Sequence[str], most: int = 3) -> list[str]:
    return random.sample(list(words), random.randint(0, min(most, len(words))))
