"""Where host and port stand in what a server is told, and what stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scenario.dsn import read_dsn

HERE = "127.0.0.1:41000"


@pytest.mark.parametrize(
    ("text", "at", "where", "who"),
    [
        (
            "postgresql://me:w%40rd@db:5432/shop?sslmode=require",
            "postgresql://me:w%40rd@127.0.0.1:41000/shop?sslmode=require",
            ("db", 5432),
            ("me", "w@rd", "shop"),
        ),
        (
            "postgresql+asyncpg://me@10.0.0.7/shop",
            "postgresql+asyncpg://me@127.0.0.1:41000/shop",
            ("10.0.0.7", 5432),
            ("me", "", "shop"),
        ),
        (
            "jdbc:postgresql://db:5433/shop?user=me&password=word",
            "jdbc:postgresql://127.0.0.1:41000/shop?user=me&password=word",
            ("db", 5433),
            ("me", "word", "shop"),
        ),
        (
            "me:wo@rd:x@tcp(db:3306)/shop?tls=false",
            "me:wo@rd:x@tcp(127.0.0.1:41000)/shop?tls=false",
            ("db", 3306),
            ("me", "wo@rd:x", "shop"),
        ),
        ("tcp(db:3306)/shop", "tcp(127.0.0.1:41000)/shop", ("db", 3306), ("", "", "shop")),
        (
            r"host=db port=5433 user=me password='it\'s me' dbname=shop",
            r"host=127.0.0.1 port=41000 user=me password='it\'s me' dbname=shop",
            ("db", 5433),
            ("me", "it's me", "shop"),
        ),
        ("dbname=shop host=db", "dbname=shop host=127.0.0.1 port=41000", ("db", 5432), ("", "", "shop")),
        ("db", "127.0.0.1:41000", ("db", 5432), ("", "", "")),
        ("[::1]:6379", "127.0.0.1:41000", ("::1", 6379), ("", "", "")),
        ("redis://:word@db/0", "redis://:word@127.0.0.1:41000/0", ("db", 5432), ("", "word", "0")),
    ],
)
def test_only_host_and_port_change(
    text: str, at: str, where: tuple[str, int], who: tuple[str, str, str]
) -> None:
    """In every way in which people write them."""
    dsn = read_dsn(text, 5432)

    assert dsn.at(HERE) == at
    assert (dsn.address.host, dsn.address.port) == where
    assert (dsn.user, dsn.password, dsn.database) == who


@pytest.mark.parametrize(
    "text",
    [
        "",
        "user=me",
        "host=db password='it''s'",
        "host=/var/run/postgresql",
        "postgresql://a:1,b:2/shop",
        "postgresql:///shop",
        "http://db:0",
        "127.1:5432",
        "me:secretword@db:5432",
    ],
)
def test_what_cannot_be_read_is_refused_without_being_repeated(text: str) -> None:
    """It may hold a password."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - every one says why
        read_dsn(text, 5432)

    assert "secretword" not in str(refused.value)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is read leads where it is led."""
    try:
        dsn = read_dsn(text, 1234)
    except ValueError:
        return

    again = read_dsn(dsn.at(HERE), 1234)
    assert (again.address.host, again.address.port) == ("127.0.0.1", 41000)
    assert (again.user, again.password, again.database) == (dsn.user, dsn.password, dsn.database)
