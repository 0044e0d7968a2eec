"""Tables of intervals drawn at random, and the best of all their matchings, found by trying every one."""

from itertools import product

import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

COLUMNS = ["subject", "video", "onset", "offset", "emotion"]
PLACES = [(1, "v0"), (1, "v1"), (2, "v0")]

on_examples = settings(max_examples=30, deadline=None, derandomize=True)


def table(rows):
    return pd.DataFrame(rows, columns=COLUMNS).astype({"onset": int, "offset": int})


def drawn(least=0, most=5):
    """Strategy: up to so many short intervals in three videos, no two at the same place."""
    row = st.tuples(st.sampled_from(PLACES), st.integers(0, 14), st.integers(1, 12), st.sampled_from("abc"))
    return st.lists(row, min_size=least, max_size=most, unique_by=lambda row: row[:3]).map(
        lambda rows: table([(*place, onset, onset + length - 1, emotion) for place, onset, length, emotion in rows])
    )


def overlaps(truth, predictions):
    """IoU of at least 0.5 by pair of rows, from counting frames."""

    def frames(row):
        return {(row.subject, row.video, frame) for frame in range(row.onset, row.offset + 1)}

    sides = ([frames(row) for row in rows.itertuples()] for rows in (truth, predictions))
    every = {(i, j): len(t & p) / len(t | p) for (i, t), (j, p) in product(*map(enumerate, sides))}
    return {pair: iou for pair, iou in every.items() if iou >= 0.5}


def best_matchings(truth, predictions):
    """All matchings, as ascending pairs of rows, of maximum cardinality and then of largest total IoU."""
    iou = overlaps(truth, predictions)
    choices = product(*([None, *(j for i, j in iou if i == row)] for row in range(len(truth))))
    found = []
    for choice in choices:
        pairs = [(i, j) for i, j in enumerate(choice) if j is not None]
        if len({j for _, j in pairs}) == len(pairs):
            found.append((len(pairs), round(sum(iou[pair] for pair in pairs), 9), pairs))
    best = max(found)[:2]
    return [pairs for *score, pairs in found if tuple(score) == best]
