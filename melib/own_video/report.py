"""The report: one HTML page that needs nothing beside it and nothing from a network."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import jinja2
from matplotlib import pyplot
from matplotlib.figure import Figure

from melib.own_video import pictures
from melib.own_video.analysis import Finding

#: Movements with a picture of their own; the table holds them all.
_PICTURED = 24
_TEMPLATE = Path(__file__).with_name("report.html")


def report(finding: Finding, *, notes: Sequence[str], video_file: str) -> str:
    """The page as text, pictures inside; notes say what was odd about the video, a sentence each."""
    numbered = list(enumerate(finding.movements, start=1))
    strongest = sorted(numbered, key=lambda one: -one[1].score)[:_PICTURED]
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    return page.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        finding=finding,
        face=finding.face,
        spotter=finding.spotter,
        origin=finding.spotter.origin,
        numbered=numbered,
        pictured=sorted(strongest),
        most_pictured=_PICTURED,
        missed=int(finding.spotter.origin.get("fresh_true", 0)) - sum(band.hits for band in finding.spotter.bands),
        timeline=lambda: _png(pictures.timeline(finding)),
        movement=lambda found: _png(pictures.movement(finding, found)),
        arrow_scale=pictures.ARROW_SCALE,
        full_px=pictures.FULL_PX,
        notes=notes,
        video_file=video_file,
    )


def _png(drawn: Figure) -> str:
    """A picture as a data address; the figure is closed."""
    content = io.BytesIO()
    drawn.savefig(content, format="png", dpi=110, metadata={"Software": None})
    pyplot.close(drawn)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
