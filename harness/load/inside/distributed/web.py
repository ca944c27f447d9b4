"""Locust's own web UI beside a run: it shows, and controls nothing.

The conductor decides how many users there are, so every request that would change something is refused, and
so are requests of pages from other origins. Its figures are Locust's: timed from the send, rounded, over all
calls, some seconds late. They come from the statistics that workers send their master anyway.
The conductor has opened the socket and chosen its port; it closes with this process.
"""

import os
import socket
from typing import Any
from urllib.parse import urlsplit

import flask
import gevent
import locust.argument_parser
import locust.runners
import locust.stats
from gevent import pywsgi

from harness.load.engine import WEB_FD_VARIABLE

READS = ("GET", "HEAD", "OPTIONS")
NEAR = ("127.0.0.1", "localhost")
SOON = (
    '<!doctype html><meta http-equiv="refresh" content="1"><title>harness</title>The load has not begun yet.'
)


def show(environment: Any) -> None:
    """Serve the web UI, if the conductor has passed a socket for it."""
    if fd := os.environ.pop(WEB_FD_VARIABLE, ""):
        app = web_app(environment)
        listener = gevent.socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=int(fd))
        gevent.spawn(pywsgi.WSGIServer(listener, app, log=None).serve_forever)
        gevent.spawn(
            locust.stats.stats_history, environment.runner
        )  # so that its charts also show the time before it is opened


def web_app(environment: Any) -> flask.Flask:
    """Return Locust's web application, read-only."""
    # Locust would parse its command line, variables and files again, and exit if one of them is invalid.
    locust.argument_parser.ui_extra_args_dict = dict
    app: flask.Flask = environment.create_web_ui(delayed_start=True).app

    @app.before_request
    def only_look() -> flask.typing.ResponseReturnValue | None:
        request = flask.request
        asked_by = urlsplit(request.headers.get("Origin", "")).netloc
        if urlsplit(f"//{request.host}").hostname not in NEAR or asked_by not in {"", request.host}:
            return "This page is for this machine only", 403
        if request.method not in READS:
            return "The harness controls this run; this page only shows it", 403
        if request.path == "/" and environment.runner.state == locust.runners.STATE_INIT:
            return SOON  # Locust would ask for the number of users
        return None

    return app
