"""``melib score PRED.csv TRUTH.csv``: spot-then-recognize metrics of two files."""

from __future__ import annotations

import json

from melib.errors import InputError
from melib.metrics import _report


def score(options) -> int:
    """Score the two files and print a table or JSON."""
    emotions = None
    if options.emotions is not None:
        emotions = tuple(name.strip() for name in options.emotions.split(","))
        if not all(emotions):
            words = "names an empty emotion: write names with commas between them"
            raise InputError(f"--emotions {options.emotions!r} {words}")
    how = {"emotions": emotions, "protocol": options.protocol, "bootstrap": options.bootstrap}
    found = _report.report(options.truth, options.predictions, videos=options.videos, **how)
    print(json.dumps(found, indent=2, allow_nan=False) if options.json else _report.text(found))
    return 0
