"""``melib score PRED.csv TRUTH.csv``: spot-then-recognize metrics of two files."""

import json

from melib.metrics import _report


def score(options) -> int:
    """Score the two files and print a table or JSON."""
    emotions = None if options.emotions is None else tuple(name.strip() for name in options.emotions.split(","))
    pairs = [pair.partition("=") for pair in options.columns.split(",") if options.columns]
    columns = {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
    how = {"emotions": emotions, "protocol": options.protocol, "bootstrap": options.bootstrap, "columns": columns}
    found = _report.report(options.truth, options.predictions, videos=options.videos, **how)
    table = None if options.json else _report.text(found, per_video=options.per_video)
    print(table or json.dumps(found, indent=2, allow_nan=False))
    return 0
