"""Long tables that a page shows when it is asked to."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import pandas as pd


@dataclass(frozen=True)
class Folded:
    """A table behind a line that opens it, by mouse or keyboard and without a script; elsewhere the table as it is.

    Parameters
    ----------
    table : pandas.DataFrame
        Shown whole, however many rows it has and however long its entries are.
    words : str
        What it holds, such as "every row with UF1 and UAR".
    """

    table: pd.DataFrame
    words: str

    def _repr_html_(self) -> str:
        line = escape(f"Show {self.words} ({len(self.table)} in all)", quote=False)
        with pd.option_context("display.max_colwidth", None):
            table = self.table.to_html()
        return f'<details class="folded-table"><summary>{line}</summary>\n{table}\n</details>'

    def __repr__(self) -> str:
        return self.table.to_string()
