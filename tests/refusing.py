"""What must be refused, in a line."""

from collections.abc import Callable

import pytest

from melib.errors import InputError


def refused(words: str, call: Callable, *what: object, kind: type[Exception] = InputError, **how: object) -> None:
    """A call fails with an error of a kind whose message matches the words."""
    with pytest.raises(kind, match=words):
        call(*what, **how)
