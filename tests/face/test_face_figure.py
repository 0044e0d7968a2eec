"""The picture of a crop shows where its parts lie, and nobody who did not agree to it."""

from __future__ import annotations

import numpy as np
import pytest
from filmed import FilmedVideo, PaintDetector, paint
from matplotlib import pyplot

from melib.face import Box, crop
from melib.plots.face import crop_figure
from melib.synthetic.dataset import open_benchmark


def test_a_filmed_person_is_drawn_only_on_request_and_where_everything_is():
    cropped = crop(FilmedVideo(paint([[(30, 20)], [(50, 25)]] * 5)), detector=PaintDetector())
    with pytest.raises(ValueError, match="s1/v1 may show a person: pass show_frames=True"):
        crop_figure(cropped)
    whole, cut, seen = crop_figure(cropped, 3, show_frames=True).axes
    (box,) = whole.patches
    assert (box.get_x(), box.get_y(), box.get_width()) == (29.5, 19.5, 60)
    # Where a crop's landmarks are found on the crop, they start half a pixel of each kind from its corner.
    expected = PaintDetector().landmarks(None, Box(30, 20, 60, 60))
    np.testing.assert_allclose(whole.collections[0].get_offsets(), expected, atol=0.5)
    assert len(cut.patches) == len(seen.patches) == 2
    assert np.asarray(seen.images[0].get_array()).shape == (42, 42)
    pyplot.close("all")


def test_a_rendered_face_is_drawn_without_asking():
    (video,) = open_benchmark("default", subjects=1, videos=1, frames=30).videos
    assert len(crop_figure(crop(video, detector=PaintDetector(), box=(0, 0, 128, 128))).axes) == 3
    pyplot.close("all")
