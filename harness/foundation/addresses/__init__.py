"""Addresses that a run may connect to.

They are parsed (`address`), judged (`kind`, `judging`) and looked up once (`vetting`). Connections then go to
the vetted IP addresses (`resolved`), even if a name resolves to something else by then.
"""
