"""Where the tokens of a run come from, one function a kind: each call asks for a new one.

A file is read and a command is run anew each time; a variable of the environment stays what it was.
"""

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote

from harness.client.auth import token
from harness.client.auth.discovery import TokenServer, token_server
from harness.client.auth.fetching import Answer, Fetching, check_not_moved
from harness.client.auth.secret import value_of
from harness.client.auth.token import Token
from harness.foundation.clock import Clock
from harness.foundation.errors import UsageError
from harness.foundation.secrets import redact
from harness.foundation.secrets.hiding import hide, learn, learn_passing
from harness.foundation.untrusted.printable import printable
from harness.scenario.auth import BY_FORM, EITHER, Auth, OAuth, Secret, shown
from harness.services.processes.printed import printed

Source = Callable[[], Awaitable[Token]]
WORD_CHARS: Final = 200
OK, UNAUTHORIZED = 200, 401


def source(auth: Auth, url: str, fetching: Fetching, clock: Clock) -> Source:
    """The source that a scenario asks for, for the server at `url`."""
    if auth.oauth is not None:
        return _oauth(auth.oauth, url, fetching)
    if auth.bearer is not None:
        return _bearer(auth.bearer, clock)
    return _command(auth.command, clock)


def _bearer(secret: Secret, clock: Clock) -> Source:
    async def ask() -> Token:
        value = await value_of(secret, "target.auth.bearer")
        return Token(value, _of_jwt(value, clock), renewable=not secret.value)

    return ask


def _command(command: list[str], clock: Clock) -> Source:
    what = f"The command of target.auth, {shown(command)!r},"

    async def ask() -> Token:
        began_ns = clock.now_ns()
        text = await printed(command, what)
        took_ms = (clock.now_ns() - began_ns) / 1e6
        try:
            value, lives_s = token.of_text(text)
        except ValueError as error:
            raise UsageError(
                f"{what} printed no token", str(error), "Run it by hand to see what it prints"
            ) from None
        learn_passing(value)
        lives_s = lives_s if lives_s is not None else _of_jwt(value, clock)
        if lives_s == 0:
            raise UsageError(
                f"{what} printed a token that has expired", "It says so itself (exp)", "Log in again"
            )
        return Token(value, lives_s, took_ms)

    return ask


def _of_jwt(value: str, clock: Clock) -> float | None:
    return token.of_jwt(value, clock.utc().timestamp())


def _oauth(oauth: OAuth, url: str, fetching: Fetching) -> Source:
    known: list[TokenServer] = []  # found with the first token
    ways: list[bool] = []  # how the client says who it is: as the server took it
    rotated: list[str] = []  # the refresh token that the last answer brought

    async def ask() -> Token:
        if not known:
            known.append(await token_server(fetching, url, oauth))
        server = known[0]
        form = {"grant_type": "client_credentials"}
        if oauth.refresh_token is not None:
            given = (
                rotated[-1]
                if rotated
                else await value_of(oauth.refresh_token, "target.auth.oauth.refresh_token")
            )
            form = {"grant_type": "refresh_token", "refresh_token": given}
        form |= {
            key: value for key, value in (("scope", server.scope), ("resource", server.resource)) if value
        }
        secret = (
            await value_of(oauth.client_secret, "target.auth.oauth.client_secret")
            if oauth.client_secret
            else ""
        )
        for by_form in ways or _ways(oauth, server):
            fields, headers = _introduced(oauth, secret, by_form=by_form)
            answer = await fetching.post(
                server.token_url, server.named_by, form | fields, headers, from_here=server.from_here
            )
            if not _is_unknown_client(answer):
                ways[:] = [by_form]
                break
        check_not_moved(answer, server.token_url)
        granted = _granted(answer, server, oauth)
        if isinstance(following := answer.data.get("refresh_token"), str) and following:
            learn_passing(following, certain=False)
            rotated[:] = [following]
        return granted

    return ask


def _ways(oauth: OAuth, server: TokenServer) -> list[bool]:
    """Return whether the secret goes into the form; both, where the server takes both: it may know the client by one of them only."""
    if oauth.send_secret != EITHER:
        return [oauth.send_secret == BY_FORM]
    basic = not server.methods or "client_secret_basic" in server.methods
    if basic and "client_secret_post" in server.methods and oauth.client_secret:
        return [False, True]
    return [not basic]


def _is_unknown_client(answer: Answer) -> bool:
    return answer.status == UNAUTHORIZED and answer.data.get("error") == "invalid_client"


def _introduced(oauth: OAuth, secret: str, *, by_form: bool) -> tuple[dict[str, str], Mapping[str, str]]:
    """Say who the client is: its secret in a header or in the form, its name in the form always, since some servers look for it there."""
    if not secret:
        return {"client_id": oauth.client_id}, {}
    if by_form:
        return {"client_id": oauth.client_id, "client_secret": secret}, {}
    login = f"{quote(oauth.client_id, safe='')}:{quote(secret, safe='')}"
    learn(login)
    return {"client_id": oauth.client_id}, {
        "Authorization": "Basic " + base64.b64encode(login.encode()).decode()
    }


def _granted(answer: Answer, server: TokenServer, oauth: OAuth) -> Token:
    value = answer.data.get("access_token")
    if isinstance(value, str):
        learn_passing(value, certain=False)  # a server of tokens cannot have plain words hidden in a report
    kind = answer.data.get("token_type", "Bearer")
    if answer.status == OK and token.is_token(value) and str(kind).lower() == "bearer":
        return Token(str(value), token.lives_s(answer.data.get("expires_in")), answer.took_ms)
    error, described = (answer.data.get(name) for name in ("error", "error_description"))
    reason = ": ".join(printable(hide(str(each)), WORD_CHARS) for each in (error, described) if each)
    if answer.status == OK:
        reason = (
            f"its token is of the type {printable(str(kind), WORD_CHARS)}, and not Bearer"
            if value
            else "it has no access_token"
        )
    raise UsageError(
        f"{redact.url(server.token_url)} gives {printable(oauth.client_id, WORD_CHARS)} no token",
        f"It answered HTTP {answer.status}" + (f": {reason}" if reason else ""),
        "Check client_id, client_secret or refresh_token, scope and resource (docs/auth.md)",
    )
