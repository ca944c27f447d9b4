"""API keys: their form, and what fits them."""

import pytest

from harness.reference.keys import fits, hashed, id_of, new_key, new_salt


def test_a_key_says_whose_it_is_and_fits_its_own_hash_only():
    """Another key, another salt, and part of a key do not fit."""
    key, salt = new_key(), new_salt()
    right = hashed(key, salt)

    assert id_of(key) == key.split("_")[1]
    assert fits(key, salt, right)
    assert not fits(new_key(), salt, right)
    assert not fits(key, new_salt(), right)
    assert not fits(key, salt, right[:-1])
    assert key.encode() not in right


@pytest.mark.parametrize(
    "key",
    [
        "",
        "mcp_",
        "mcp_0123456789abcdef_short",
        "x" * 100,
        f"{'mcp_0123456789abcdef_'.ljust(64, 'x')} ",
        "schlüssel",
    ],
)
def test_what_is_no_key_belongs_to_nobody(key):
    """It is known without asking anything slow."""
    assert id_of(key) is None
