"""samples.parquet: a row a call. These columns, in this order, are a contract.

`seq` is a number per worker, given when the call starts. The `*_ns` are nanoseconds since the epoch. A call
that a client retried has one row per attempt; after the first, `RETRIED` is appended to the user class. Text
columns come from a bounded vocabulary and are stored as dictionaries. Null is written as `NULL` in the spool
(a value no real column can have) and as a real null in Parquet.
"""

from typing import Final

NULL: Final = -1

# name -> array typecode in the spool
NUMBERS: Final[dict[str, str]] = {
    "seq": "q",
    "intended_ns": "q",
    "sent_ns": "q",
    "first_byte_ns": "q",
    "done_ns": "q",
    "status": "h",
    "code": "i",
    "user": "i",
    "session": "i",
    "worker": "i",
    "bytes_out": "i",
    "bytes_in": "i",
    "reused": "b",
}
NULLABLE: Final = ("first_byte_ns", "status", "code")
# JSON-RPC codes are negative, so null needs a value of its own there.
NULL_CODE: Final = 0

RETRIED: Final = "+retry"

TEXTS: Final = ("user_class", "operation", "transport", "outcome", "detail")

ORDER: Final = (
    "seq",
    "intended_ns",
    "sent_ns",
    "first_byte_ns",
    "done_ns",
    "user_class",
    "operation",
    "transport",
    "outcome",
    "detail",
    "status",
    "code",
    "user",
    "session",
    "worker",
    "bytes_out",
    "bytes_in",
    "reused",
)
