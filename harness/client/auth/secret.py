"""A secret of `target.auth`, from where it is kept: the environment, a file, a command. Known as a secret from then on."""

from pathlib import Path

from harness.foundation.errors import UsageError
from harness.foundation.secrets.hiding import learn, learn_passing
from harness.scenario.auth import Secret, shown
from harness.services.processes.printed import printed

FILE_BYTES_MAX = 65_536


async def value_of(secret: Secret, named: str) -> str:
    """Return the secret; UsageError when it is not there. `named` is its key, for errors."""
    if secret.value:
        value = secret.value
    elif secret.file:
        value = _read(secret.file, named)
    else:
        value = await printed(secret.command, f"The command of {named}, {shown(secret.command)!r},")
    value = value.strip()
    if not value or not value.isprintable() or not value.isascii():
        raise UsageError(
            f"{named} is empty, or holds what no header can carry",
            "It has to be one line of ASCII; it is not shown, because it may be a secret",
            "Check the variable, the file or the command that it comes from",
        )
    (learn if secret.value else learn_passing)(value)
    return value


def _read(path: str, named: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(FILE_BYTES_MAX).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(
            f"{named}: {path} cannot be read", why, "Give the path of a file that holds it"
        ) from None
