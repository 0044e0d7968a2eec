"""Text for a terminal: names that cannot steer it, and what a program says when it cannot go on."""

from __future__ import annotations

import sys
from collections.abc import Callable

#: Exit codes: bad input; interrupted from the keyboard (128 + SIGINT, as shells have it).
REFUSED, INTERRUPTED = 2, 130


def printable(text: object) -> str:
    """A text that cannot steer a terminal: what does not print is written as its escape.

    Names and cells of a hostile dataset may hold control sequences, marks that turn the direction of writing, or
    bytes that are no text.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


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
        That of ``run``; :data:`REFUSED` after a ValueError, LookupError or OSError, whose message is printed;
        :data:`INTERRUPTED` after a KeyboardInterrupt. Other errors are faults of the program and pass.
    """
    try:
        return run()
    except (ValueError, LookupError, OSError) as error:
        message = error.args[0] if isinstance(error, LookupError) and error.args else error
        print(f"{program}: {printable(message)}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return INTERRUPTED
