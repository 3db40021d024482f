"""What the person at the terminal chose by variables of the environment."""

import os


class BadChoice(Exception):
    """A variable holds what cannot be done; the message says what to change."""


def whole_number(name: str, default: int, least: int, most: int) -> int:
    """Return the whole number a variable holds; raise BadChoice."""
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise BadChoice(f"{name} is {text!r}: set it to a whole number from {least} to {most}.")
    return int(text)
