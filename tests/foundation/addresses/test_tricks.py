"""Addresses that are meant to be read in two ways: each is refused, or leads where it says, before anything is connected to."""

import pytest

from harness.foundation.addresses import judging
from harness.foundation.addresses.address import read
from harness.foundation.addresses.judging import Wanted
from harness.foundation.addresses.vetting import vet
from harness.foundation.errors import HarnessError
from harness.load.address import doors

OK = ""
FOREIGN = "is not this machine"
BAD = "is not the URL of a server"
# What names stand for here.
NAMES: dict[str, tuple[str, ...]] = {
    "localhost": ("::1", "127.0.0.1"),
    "localhost.": ("127.0.0.1",),
    "evil": ("203.0.113.9",),
    "mixed.test": ("127.0.0.1", "203.0.113.9"),
    "near.test": ("127.0.0.7",),
    "lab": ("10.0.0.5",),
    "lab.": ("10.0.0.5",),
    "pair": ("10.0.0.5", "10.0.0.6"),
    "clouds": ("169.254.169.254",),
    "clouds6": ("fd00:ec2::254",),
    "zone": ("fe80::1%2",),
    "nowhere": ("0.0.0.0",),
    "nat64": ("64:ff9b::cb00:7109",),
    "nat64-near": ("64:ff9b::7f00:1",),
    "many": ("239.1.1.1",),
    "xn--bcher-kva.test": ("127.0.0.1",),
    "file": ("203.0.113.9",),
    "mapped": ("::ffff:203.0.113.9",),
}
EVERY = tuple(NAMES)
# url, hosts that are allowed, what the error says (nothing: it is accepted)
TRICKS: list[tuple[str, tuple[str, ...], str]] = [
    # as they should be
    ("http://127.0.0.1:8000/mcp", (), OK),
    ("127.0.0.1:8000", (), OK),
    ("http://127.9.9.9", (), OK),
    ("HTTP://LOCALHOST:8000", (), OK),
    ("http://localhost.:8000", (), OK),
    ("http://[::1]:8000/mcp", (), OK),
    ("http://[0:0:0:0:0:0:0:1]", (), OK),
    ("http://near.test", (), OK),
    ("wss://user:p%40ss@localhost/socket?a=b", (), OK),
    ("http://[::ffff:127.0.0.1]:1", (), OK),
    ("http://lab:80/mcp", ("lab",), OK),
    ("http://lab.:80/mcp", ("LAB",), OK),
    ("http://lab:80/mcp", ("lab.",), OK),
    ("http://lab", ("10.0.0.5",), OK),
    ("http://pair", ("10.0.0.5", "10.0.0.6"), OK),
    ("http://10.0.0.5", ("10.0.0.5",), OK),
    ("http://[2001:DB8::1]", ("2001:db8:0::1",), OK),
    ("http://mixed.test", ("mixed.test",), OK),
    ("http://nat64", ("nat64",), OK),
    ("http://xn--bcher-kva.test", (), OK),
    # other machines
    ("http://203.0.113.9", (), FOREIGN),
    ("http://203.0.113.9", ("203.0.113.8", "evil"), FOREIGN),
    ("http://evil", (), FOREIGN),
    ("http://evil", ("evil.test",), FOREIGN),
    ("http://mixed.test", (), "127.0.0.1, 203.0.113.9"),
    ("http://mixed.test", ("near.test",), FOREIGN),
    ("http://pair", ("10.0.0.5",), FOREIGN),
    ("http://mapped", (), FOREIGN),
    ("http://[::ffff:1.2.3.4]", (), FOREIGN),
    ("http://[::ffff:a00:5]", (), FOREIGN),
    ("http://[2002:7f00:1::1]", (), "translated to 127.0.0.1"),
    ("http://[2002:cb00:7109::1]", (), FOREIGN),
    ("http://[64:ff9b::7f00:1]", (), "translated to 127.0.0.1"),
    ("http://[64:ff9b::a9fe:a9fe]", (), "translated to 169.254.169.254"),
    ("http://[64:ff9b:1::7f00:1]", (), "translated to IPv4"),
    ("http://[2001:0:53aa:64c:0:0:80ff:fffe]", (), "translated to 127.0.0.1"),
    ("http://nat64-near", ("nat64-near",), "by its number only"),
    ("http://[fc00::1]", (), FOREIGN),
    ("http://unknown.test", (), "cannot be looked up"),
    ("http://unknown.test", ("unknown.test",), "There is no unknown.test"),
    # link-local, and where clouds keep secrets: by number only
    ("http://169.254.169.254/latest/meta-data", (), "secrets"),
    ("http://169.254.169.254", EVERY, "secrets"),
    ("http://169.254.169.254", ("169.254.169.254",), OK),
    ("http://clouds", ("clouds",), "by its number only"),
    ("http://clouds6", ("clouds6",), "by its number only"),
    ("http://zone", ("zone",), "link-local"),
    ("http://169.254.1.1", (), "link-local"),
    ("http://[fe80::1]", (), "link-local"),
    ("http://[fe80::1%25eth0]", ("fe80::1",), "zone"),
    ("http://[fe80::1%eth0]", ("fe80::1",), "zone"),
    ("http://[::1%lo]", (), "zone"),
    ("http://[fd00:ec2::254]", (), "secrets"),
    ("http://100.100.100.200", (), "secrets"),
    # no machine at all, whatever is allowed
    ("http://0.0.0.0:8000", (), "where a server listens"),
    ("http://0.0.0.0:8000", ("0.0.0.0",), "where a server listens"),
    ("http://nowhere", ("nowhere",), "where a server listens"),
    ("http://[::]:8000", ("::",), "where a server listens"),
    ("http://[::ffff:0.0.0.0]", (), "where a server listens"),
    ("http://0.1.2.3", (), "where a server listens"),
    ("http://[::127.0.0.1]", (), "reserved"),
    ("http://224.0.0.1", (), "multicast"),
    ("http://many", ("many",), "multicast"),
    ("http://[ff02::1]", (), "multicast"),
    ("http://255.255.255.255", (), "reserved"),
    ("http://240.0.0.1", ("240.0.0.1",), "reserved"),
    # numbers in other notations
    ("http://2130706433", (), BAD),
    ("http://0x7f000001", (), BAD),
    ("http://0x7f.1", (), BAD),
    ("http://127.1", (), BAD),
    ("http://127.0.1", (), BAD),
    ("http://0", (), BAD),
    ("http://010.0.0.1", (), BAD),
    ("http://0177.0.0.1", (), BAD),
    ("http://017700000001", (), BAD),
    ("http://127.0.0.01", (), BAD),
    ("http://127.0.0.1.", (), BAD),
    ("http://127.0.0.1.5", (), BAD),
    ("http://127.0.0.256", (), BAD),
    ("http://127.0.0.-1", (), BAD),
    ("http://127.0.0.0x1", (), BAD),
    ("http://1.2.3", EVERY, BAD),
    # digits, dots and letters of other scripts
    ("http://\uff11\uff12\uff17.\uff10.\uff10.\uff11", (), "if you mean 127.0.0.1, write that"),
    ("http://127\u30020\u30020\u30021", (), "ASCII"),
    ("http://\u2460\u2461\u2466.0.0.1", (), "ASCII"),
    ("http://\u0661\u0662\u0667.\u0660.\u0660.\u0661", (), "ASCII"),
    ("http://\u24dbocalhost", (), "ASCII"),
    ("http://l\u043ecalhost", (), "ASCII"),
    ("http://wor\u212a.test", EVERY, "ASCII"),
    ("http://b\u00fccher.test", (), "xn--bcher-kva.test"),
    ("http://local\u00adhost", (), BAD),
    ("http://localhost\u200b", (), BAD),
    ("http://\u202elocalhost", (), BAD),
    ("http://localhost\uff0fevil", (), BAD),
    ("http://evil\uff03@localhost", (), BAD),
    ("http://127.0.0.1:\uff18\uff10", (), BAD),
    # who is the host?
    ("http://127.0.0.1@evil/", (), FOREIGN),
    ("http://127.0.0.1:80@evil/", (), FOREIGN),
    ("http://localhost%40evil/", (), BAD),
    ("http://a@b@127.0.0.1/", (), "more than one @"),
    ("http://evil@127.0.0.1:1@127.0.0.1/", (), "more than one @"),
    ("http://evil\\@127.0.0.1/", (), "backslash"),
    ("http://127.0.0.1\\@evil/", (), "backslash"),
    ("http:\\\\evil/", (), "backslash"),
    ("http://127.0.0.1\\.evil/", (), "backslash"),
    ("http://evil#@127.0.0.1/", (), FOREIGN),
    ("http://evil?@127.0.0.1/", (), FOREIGN),
    ("http://evil;@127.0.0.1/", (), OK),
    ("http://%31%32%37.0.0.1/", (), "%"),
    ("http://127.0.0.1%00.evil/", (), "%"),
    ("http://evil%2f@127.0.0.1/", (), OK),
    ("me:secret@127.0.0.1:8000", (), "needs the scheme"),
    ("http://[::1]@evil/", (), "bracket"),
    ("http://[evil]@127.0.0.1/", (), "bracket"),
    ("http://\uff11\uff12:\uff20@127.0.0.1/", (), BAD),
    ("http://u\u24e2er@127.0.0.1/", (), "%XX"),
    ("http://127.0.0.1,evil/", EVERY, BAD),
    ("http://127.0.0.1;evil/", (), BAD),
    ("http://127.0.0.1:80:80/", (), "brackets"),
    ("http://::1/", (), "brackets"),
    ("http://[::1", (), "brackets"),
    ("http://::1]", (), BAD),
    ("http://[::1]evil/", (), BAD),
    ("http://[::1].evil/", (), BAD),
    ("http://[127.0.0.1]/", (), BAD),
    ("http://[v1.evil]/", (), BAD),
    ("http://[]/", (), BAD),
    ("http://[::1]:", (), "port"),
    ("http://[::ffff:127.1]/", (), BAD),
    ("http://[::ffff:0177.0.0.1]/", (), BAD),
    # spaces and what cannot be seen
    (" http://127.0.0.1", (), "control character"),
    ("http://127.0.0.1 ", (), "control character"),
    ("http://127.0.0.1\n.evil/", (), "control character"),
    ("http://127.0.0.1\r\nHost: evil/", (), "control character"),
    ("http://127.0.0.1\t/", (), "control character"),
    ("http://127.0.0.1\0.evil/", (), "control character"),
    ("ht\ntp://127.0.0.1/", (), "control character"),
    ("http://127.0.0.1/\x1b[2J", (), "control character"),
    ("http://127.0.0.1/\ud800", (), "control character"),
    ("http://127.0.0.1 evil/", (), "control character"),
    # ports
    ("http://127.0.0.1:0/", (), "port"),
    ("http://127.0.0.1:65536/", (), "port"),
    ("http://127.0.0.1:99999999999999999999/", (), "port"),
    ("http://127.0.0.1:-1/", (), "port"),
    ("http://127.0.0.1:+80/", (), "port"),
    ("http://127.0.0.1:8_0/", (), "port"),
    ("http://127.0.0.1:80x/", (), "port"),
    ("http://127.0.0.1:/", (), "port"),
    ("http://127.0.0.1:\u0668\u0660/", (), "port"),
    # schemes
    ("file:///etc/passwd", EVERY, "begins with none"),
    ("file:/etc/passwd", EVERY, "port"),
    ("ftp://127.0.0.1/", (), "begins with none"),
    ("gopher://127.0.0.1/", (), "begins with none"),
    ("javascript:alert(1)", (), "port"),
    ("javascript://127.0.0.1/%0aalert(1)", (), "begins with none"),
    ("data:text/plain,x", (), BAD),
    ("unix:///tmp/socket", (), "begins with none"),
    ("http+unix://tmp/socket/", (), "path of a socket begins with /"),
    ("mailto:me@127.0.0.1", (), "needs the scheme"),
    ("http:127.0.0.1", (), "port"),
    ("http:/127.0.0.1", (), "port"),
    ("//127.0.0.1/", (), "no host"),
    ("://127.0.0.1", (), "begins with none"),
    # nothing, and too much
    ("", (), "empty"),
    ("http://", (), "no host"),
    ("http:///mcp", (), "no host"),
    ("http://:80/", (), "no host"),
    ("http://user@/", (), "no host"),
    ("http://./", (), BAD),
    ("http://localhost../", (), BAD),
    ("http://.localhost/", (), BAD),
    ("http://local..host/", (), BAD),
    ("http://-evil/", EVERY, BAD),
    ("http://*/", (), BAD),
    ("http://" + "a" * 70 + ".test/", (), "at most 63"),
    ("http://" + ".".join(["a" * 49] * 6) + "/", (), "at most 253"),
    ("http://127.0.0.1/" + "a" * 10_000, (), "characters"),
    ("http://" + "a" * 10_000_000, (), "characters"),
    ("http://" + "1" * 5000, (), BAD),
    ("http://" + "[" * 3000, (), "brackets"),
    # what is allowed has to be a host
    ("http://evil", ("*",), "names no host"),
    ("http://evil", ("http://evil",), "names no host"),
    ("http://evil", ("evil:80",), "names no host"),
    ("http://evil", ("",), "names no host"),
    ("http://1.2.3.4", ("1.2.3.4/0",), "names no host"),
    ("http://evil", ("ev il",), "names no host"),
]


def look_up(host: str) -> tuple[str, ...]:
    """As a resolver would, and would not."""
    if host not in NAMES:
        raise OSError(-2, "Name or service not known")
    return NAMES[host]


def told(url: str, allowed: tuple[str, ...]) -> str:
    """The error, nothing when there is none; whatever else is raised fails the test."""
    said: HarnessError | None = None
    try:
        place = read(doors(url).base_url, ("http", "https"))
        vet([Wanted(place)], allowed, look_up)
    except HarnessError as error:
        said = error
    if said is None:
        return ""
    assert said.exit_code == 2
    assert all((said.what, said.why, said.todo)), url[:80]
    assert len(str(said)) < 600, url[:80]
    assert str(said).replace("\n", "").isascii() or not url.isascii(), url[:80]
    return str(said)


def test_every_trick_is_refused_with_its_reason_or_leads_where_it_says() -> None:
    """What, why, what to do: never another exception, never a resolver that is asked what a riddle means."""
    assert len(TRICKS) == len({(url, allowed) for url, allowed, _ in TRICKS}) > 80
    wrong = [
        (url[:80], allowed[:3], expected, said)
        for url, allowed, expected in TRICKS
        for said in [told(url, allowed)]
        if (expected not in said if expected else said)
    ]

    assert wrong == []


def test_a_secret_in_an_address_is_not_in_the_error() -> None:
    """Of an address that cannot be read no part is known to be harmless but its beginning."""
    for url in (
        "http://me:secret@evil:x/",
        "http://evil:x/?sig=secret",
        "http://me:secret/@[::1",
        "http://me:secret?@[::1",
        "http://evil:x/?sig=@secret",
        "http://evil:x/#secret",
        "http://evil:x/#@secret",
        "http://me:secret//@[::1",
        "me:secret@evil:8000",
        "ftp://secret@h",
    ):
        said = told(url, ())
        assert said
        assert "secret" not in said, url


@pytest.mark.parametrize(
    "text",
    [
        "secret-7f3a",
        "host=127.0.0.1 user=me password=secret-7f3a dbname=x",
        "me:secret-7f3a@127.0.0.1/x",
        "secret-7f3a:1 ",
    ],
)
def test_what_a_variable_holds_that_is_no_address_is_not_shown(text: str) -> None:
    """A password put there by mistake, or the words that other programs take."""
    said = " ".join(judging.unreadable("HARNESS_HISTORY_URL", text, "it has no scheme", "http://x").lines())

    assert "secret-7f3a" not in said
    assert said.startswith("HARNESS_HISTORY_URL is not the URL of a server")
    assert (
        "127.0.0.1:8474"
        in judging.unreadable("TOXIPROXY_URL", "127.0.0.1:8474", "it has no scheme", "x").lines()[0]
    )
