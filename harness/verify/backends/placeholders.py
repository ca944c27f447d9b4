"""The marks that verify.yaml writes in texts, such as `{{id}}` and `{{schema}}`, for what is filled in."""


def marked(name: str) -> str:
    """A name, as it is written to be filled in."""
    return "{{" + name + "}}"
