"""Text for a terminal."""

from __future__ import annotations


def printable(text: object) -> str:
    """A text that cannot steer a terminal: what does not print is written as its escape.

    Names and cells of a hostile dataset may hold control sequences, marks that turn the direction of writing, or
    bytes that are no text.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
