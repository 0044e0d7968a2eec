"""An experiment: from parameters to a record.

A study trains on some people and tests on others, never on the same. On the benchmark the main design has a training
population and fresh test subjects (``split="fresh"``); leave-one-subject-out (``split="loso"``) is the papers' design.
What a page or a table says about an experiment comes from the record that :func:`run` returns.
"""

from melib.study.chain import Outcome, run
from melib.study.data import default_store, prepare
from melib.study.kept import read_scores
from melib.study.measure import Found
from melib.study.parameters import TIERS, Parameters, Sizes, tier_sizes
from melib.study.record import read_record, write_record

__all__ = [
    "TIERS",
    "Found",
    "Outcome",
    "Parameters",
    "Sizes",
    "default_store",
    "prepare",
    "read_record",
    "read_scores",
    "run",
    "tier_sizes",
    "write_record",
]
