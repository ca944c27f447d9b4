"""The Model Context Protocol without I/O: bytes to send, bytes received, one outcome a call.

A session makes requests; a transport carries them and feeds what comes back to an exchange (HTTP), to frames
(WebSocket) or to a stream that stays open (HTTP+SSE), which say what it was. No module in here opens a socket or reads a clock.

    session = new_session("2025-11-25")             # one a virtual user; names: harness.mcp.dialects.DIALECTS

    opening = session.opening()                     # a generator: yields requests, is sent their replies,
    request = next(opening)                         # returns the reply that decided (None: nothing to open)
    try:
        while True:
            request = opening.send(transport(request))
    except StopIteration as ended:
        opened = ended.value is None or ended.value.outcome == "ok"

    request = session.call("echo", {"message": "hi"})    # or session.request("tools/list", {})
    reply = transport(request)                           # Reply(outcome, detail, status, code, result, session_id)
    reply.value()                                        # the result, decoded only now

What a transport does for HTTP (see harness.load.inside.transport.http_connection, harness.client.http):

    exchange = Exchange(request)
    exchange.head(200, "application/json", None)
    exchange.body(b'{"jsonrpc":"2.0",')             # true (and exchange.done) as soon as the outcome is known
    reply = exchange.end()                          # or exchange.fail("reset", "connection reset by peer")

Inside Locust, all of it at once:

    connection = Connection(url, deadlines, timeout_s, headers)     # WebSocketConnection: the same methods
    done = connection.exchange(request)             # Exchanged(reply, sent_ns, first_byte_ns, done_ns, bytes_out,
    connection.close()                              #           bytes_in, reused)

Arguments that never vary may be encoded once: `session.call(tool, msgspec.Raw(b'{"message":"hi"}'))`.
"""
