"""Why there is no connection, in words: the system's for its own errors, ours for TLS, whose errors have no errno of the system's.

[SSL: CERTIFICATE_VERIFY_FAILED] ... self-signed certificate      its certificate is not trusted: self-signed certificate
[SSL: WRONG_VERSION_NUMBER]                                       it does not speak TLS at this port
"""

import os
import re
import ssl
from typing import Final

# What OpenSSL calls it (the beginning is enough) -> what it is
TLS: Final = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS at this port: http:// instead of https://?",
    "HTTP_REQUEST": "it speaks TLS at this port: https:// instead of http://?",
    "RECORD_LAYER_FAILURE": "it does not speak TLS at this port: http:// instead of https://?",
    "PACKET_LENGTH_TOO_LONG": "it does not speak TLS at this port: http:// instead of https://?",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a client's certificate (--cert and --key)",
    "CERTIFICATE_REQUIRED": "it asks for a client's certificate (--cert and --key)",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not trust the client's certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not accept the client's certificate",
    "SSLV3_ALERT_CERTIFICATE": "it does not accept the client's certificate",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it refuses the TLS handshake; it may ask for a client's certificate (--cert and --key)",
    "NO_APPLICATION_PROTOCOL": "it does not speak HTTP/1.1 over TLS (HTTP/2 only?), and nothing else is spoken here",
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": "it does not speak HTTP/1.1 over TLS (HTTP/2 only?), and nothing else is spoken here",
    "UNSUPPORTED_PROTOCOL": "it speaks no version of TLS that is still in use",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks no version of TLS that is still in use",
    "UNEXPECTED_EOF_WHILE_READING": "it closed the connection in the TLS handshake: at this port it may speak no TLS",
}
_REASON = re.compile(r"\[SSL: (\w+)\]")
TRUST: Final = "give its authority with --cacert FILE (or SSL_CERT_FILE), or trust anybody with --insecure"


def said(error: BaseException) -> str:
    """The reason in words; it fits into a table."""
    if isinstance(error, ssl.SSLCertVerificationError):  # its errno is OpenSSL's, not the system's
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError) or _REASON.search(str(error)):  # libraries keep its text only
        matched = _REASON.search(str(error))
        reason = matched[1] if matched else str(getattr(error, "reason", "") or error)
        known = next((words for name, words in TLS.items() if reason.startswith(name)), "")
        return known or f"the TLS handshake failed: {reason.replace('_', ' ').lower()}"
    if isinstance(error, OSError) and error.errno and error.errno > 0:  # asyncio's own words name the address
        return os.strerror(error.errno)
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def todo(reason: str) -> str:
    """What to do about such a reason, where the words say it; "" otherwise."""
    if reason.startswith("the proxy"):
        return "Check the proxy that HTTP_PROXY or HTTPS_PROXY names; NO_PROXY=HOST goes directly (docs/protocols.md)"
    if "(--cert and --key)" in reason or "the client's certificate" in reason:
        return "Give the client's certificate and its key: --cert FILE --key FILE (docs/auth.md)"
    if "TLS" in reason:
        return "Check the scheme and the port of the address, and what the server speaks there (docs/protocols.md)"
    return ""


def is_trust(reason: str) -> bool:
    """Whether these words are about a certificate that is not trusted."""
    return reason.startswith("its certificate is not trusted")
