"""Bad input and how a program says it: one line on stderr, in text that cannot steer a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches


class InputError(ValueError):
    """Something that the user gave (a file, a name, a value) cannot be used; the message names it and the mend."""


#: Exit codes: bad input; interrupted from the keyboard (128 + SIGINT, as shells have it).
REFUSED, INTERRUPTED = 2, 130


def printable(text: object) -> str:
    """A text that cannot steer a terminal: what does not print is written as its escape.

    Names and cells of a hostile dataset may hold control sequences, marks that turn writing round, or no text at all.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def find(name: object, known: Mapping | Iterable, what: str):
    """The thing of that name (of names alone, the name), or a refusal that gives the nearest name or all of them."""
    names = known if isinstance(known, Mapping) else {each: each for each in known}
    if name not in names:
        near = get_close_matches(str(name), map(str, names), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(map(str, names)) or 'none'}"
        raise InputError(f"unknown {what} {name!r}: {hint}")
    return names[name]


def in_one_line(program: str, run: Callable[[], int]) -> int:
    """Run a program whose bad input, or whose interruption, is said in one line on stderr.

    Parameters
    ----------
    program : str
        What stands before the message.
    run : callable
        Gives the exit code.

    Returns
    -------
    int
        That of ``run``; :data:`REFUSED` after an :class:`InputError` or OSError, whose message is printed;
        :data:`INTERRUPTED` after a KeyboardInterrupt. Other errors are faults of the program and pass.
    """
    try:
        return run()
    except (InputError, OSError) as error:
        print(f"{program}: {printable(error)}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return INTERRUPTED
