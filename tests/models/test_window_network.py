"""WindowNet: a score depends on its own two seconds, and on nothing else."""

import numpy as np
import pytest
import torch
from drawn_planes import generator, planes

from melib.models import WindowNet, score_frames
from melib.models.window import DISTANCES, mirrored, pooled

REACH = sum(DISTANCES)
VIDEO = planes(120) - 0.5


@pytest.fixture(scope="module")
def model():
    return WindowNet(4, generator=generator()).eval()


def heard(model, changed):
    """Rows whose values change with one row of the planes."""
    other = VIDEO.copy()
    other[changed] += 1
    before, after = score_frames(model, VIDEO, device="cpu"), score_frames(model, other, device="cpu")
    differ = [np.abs(new - old).max(axis=1) > 1e-6 for old, new in zip(before, after, strict=True)]
    return np.flatnonzero(np.any(differ, axis=0))


def test_a_row_is_heard_as_far_as_the_convolutions_reach_and_without_context_by_itself_alone(model):
    assert REACH == 32 and heard(model, 60).tolist() == list(range(60 - REACH, 60 + REACH + 1))
    assert heard(WindowNet(4, context=False, generator=generator()), 60).tolist() == [60]


def test_scores_do_not_depend_on_where_a_window_begins_on_the_batch_or_on_its_other_windows(model):
    whole = score_frames(model, VIDEO, device="cpu")
    with torch.inference_mode():
        starts = (0, 7, 20)
        windows = model(torch.from_numpy(np.stack([VIDEO[start : start + 100] for start in starts])))
        alone = model(torch.from_numpy(VIDEO[None, 7:107]))
    torch.testing.assert_close(windows.kinds[1], alone.kinds[0], atol=1e-5, rtol=0)
    inner = slice(REACH, 100 - REACH)
    for start, kinds, ends, marks, emotions in zip(starts, *windows, strict=True):
        values = kinds.sigmoid(), ends.exp(), marks.sigmoid(), emotions.softmax(-1)
        for value, expected in zip(values, whole, strict=True):
            np.testing.assert_allclose(value[inner], expected[start : start + 100][inner], atol=1e-5)


def test_cells_are_means_and_a_mirrored_face_moves_the_other_way():
    given = VIDEO[:2].copy()
    cells = pooled(given)
    np.testing.assert_allclose(cells.reshape(2, 3, 14, 14)[1, 2, 4, 5], given[1, 2, 12:15, 15:18].mean(), atol=1e-6)
    given[:, 0] *= -1
    np.testing.assert_allclose(mirrored(cells), pooled(given[..., ::-1]), atol=1e-6)
