"""The role ``printed``: a number of a paper's table, looked up where it stands as data and set with all its digits.

``{printed}`MEAN; SAMM-LV; spotting; TP` `` names a row of ``melib/data/paper_tables.csv`` by as many of its fields as
it takes. A name that fits no row, or several, is a warning, which ends the build of the book.
"""

from __future__ import annotations

from collections import Counter

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx

from melib.errors import InputError
from melib.study.printed import printed_tables


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_role("printed", role)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def role(
    name: str,
    rawtext: str,
    text: str,
    lineno: int,
    inliner: Inliner,
    options: dict[str, object] | None = None,
    content: list[str] | None = None,
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """The number as text, or what is wrong with its name."""
    try:
        return [nodes.Text(printed_number(text))], []
    except InputError as error:
        message = inliner.reporter.error(str(error), line=lineno)
        return [inliner.problematic(rawtext, rawtext, message)], [message]


def printed_number(name: str) -> str:
    """The one printed number whose row has all the fields named.

    Parameters
    ----------
    name : str
        Fields of the row, such as paper, dataset, task or metric, between semicolons, in any order; a name stands twice
        where paper and method both have it.

    Raises
    ------
    InputError
        If no row has them, or several have.
    """
    table = printed_tables()
    fields = Counter(field.strip() for field in name.split(";"))
    described = table.drop(columns="value")
    found = table[[fields <= Counter(row) for row in described.itertuples(index=False)]]
    if len(found) != 1:
        raise InputError(f"{name!r} names {len(found)} printed numbers, not one: say paper, dataset, task, metric")
    return found["value"].item()
