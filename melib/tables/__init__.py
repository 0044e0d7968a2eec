"""Records -> tables: what pages, README and book say about experiments, made from records alone.

:mod:`~melib.tables.study` is about one experiment's run, :mod:`~melib.tables.rows` about rows beside each other,
:mod:`~melib.tables.criteria` about success criteria, :mod:`~melib.tables.papers` about the numbers that papers print,
:mod:`~melib.tables.gains` about what depth brings, :mod:`~melib.tables.designs` about what leave-one-subject-out rows
rest on. :class:`Folded` keeps a long table out of the way.
"""

from melib.tables.criteria import criterion
from melib.tables.designs import designs
from melib.tables.folded import Folded
from melib.tables.papers import beside_papers, beside_printed, printed
from melib.tables.rows import (
    by_question,
    compared,
    controls_of_rows,
    findings,
    measured,
    opening,
    origin,
    power,
    remake,
)
from melib.tables.study import (
    NOT_FOR_PUBLICATION,
    SANITY_ROC_AUC,
    cautions,
    controls,
    describe,
    shuffled_at_chance,
    spot_then_recognize,
    verdict,
)

__all__ = [
    "NOT_FOR_PUBLICATION",
    "SANITY_ROC_AUC",
    "Folded",
    "beside_papers",
    "beside_printed",
    "by_question",
    "cautions",
    "compared",
    "controls",
    "controls_of_rows",
    "criterion",
    "describe",
    "designs",
    "findings",
    "measured",
    "opening",
    "origin",
    "power",
    "printed",
    "remake",
    "shuffled_at_chance",
    "spot_then_recognize",
    "verdict",
]
