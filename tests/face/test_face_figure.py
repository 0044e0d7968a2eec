"""The picture of a crop shows where its parts lie, and nobody who did not agree to it."""

from pathlib import Path
from types import SimpleNamespace

import jupytext
import numpy as np
from filmed import FilmedVideo, PaintDetector, paint
from matplotlib import pyplot

from melib.face import Box, crop

PAGE = jupytext.read(Path(__file__).parents[2] / "notebooks" / "spot_then_recognize.md")


def test_a_filmed_person_is_drawn_only_on_request_and_where_everything_is():
    define, draw = (cell.source for cell in PAGE.cells if cell.cell_type == "code" and "crop_figure(" in cell.source)
    page = {"show_frames": False, "settings": SimpleNamespace(filmed=True), "open_data": None}
    exec(define, page)
    exec(draw, page)
    assert not pyplot.get_fignums()
    cropped = crop(FilmedVideo(paint([[(30, 20)], [(50, 25)]] * 5)), detector=PaintDetector())
    data = SimpleNamespace(videos=[cropped]), None
    exec(draw, page | {"show_frames": True, "open_data": lambda *_, **__: data, "places": SimpleNamespace(cache=Path)})
    whole, cut, seen = pyplot.gcf().axes
    (box,) = whole.patches
    assert (box.get_x(), box.get_y(), box.get_width()) == (29.5, 19.5, 60)
    # Where a crop's landmarks are found on the crop, they start half a pixel of each kind from its corner.
    expected = PaintDetector().landmarks(None, Box(30, 20, 60, 60))
    np.testing.assert_allclose(whole.collections[0].get_offsets(), expected, atol=0.5)
    assert len(cut.patches) == len(seen.patches) == 2
    assert np.asarray(seen.images[0].get_array()).shape == (42, 42)
