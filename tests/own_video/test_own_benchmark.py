"""What the page says of the command against the truth rests on the true face, the true labels and the true blinks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from melib import face
from melib.own_video import benchmark, load_spotter
from melib.synthetic.dataset import SyntheticVideo
from melib.synthetic.suites import find_suite
from melib.video import Video


@pytest.fixture(scope="module")
def desk():
    """The person across a desk, 640 by 480; nothing of it is rendered here."""
    return SyntheticVideo(find_suite("default"), "test", 104, 0, 60, view="full")


class Blank(Video):
    """Grey frames of the size of a desk video."""

    def __init__(self):
        self.subject, self.name, self.fps, self.n_frames, self.expressions = "a", "b", 30.0, 5, ()

    def frames(self, start, stop):
        return np.full((stop - start, 480, 640, 3), 99, np.uint8)

    def landmarks(self, start, stop):
        raise LookupError


def test_the_true_face_is_the_crop_of_the_benchmark(desk, person):
    cropped = face.crop(Blank(), detector=benchmark.TrueFace(desk))
    found, wanted = cropped.landmarks(0, 1)[0], person.landmarks(0, 1)[0]
    # The benchmark's own crop carries the error of a detector, a hundredth of its side in scale and place.
    assert np.abs(found - wanted).max() < 0.05 * 128
    window = cropped.window(0)
    back = (found + 0.5) * window.width / 128 - 0.5 + (window.left, window.top)
    np.testing.assert_allclose(back, desk.landmarks(0, 1)[0], atol=1e-3)


def test_the_people_of_the_page_are_none_of_those_the_spotter_saw():
    origin = load_spotter().origin
    first, second = benchmark.strangers(2, 60, view="crop")
    numbers = [int(video.subject.removeprefix("test")) for video in (first, second)]
    assert first.subject.startswith("test") and min(numbers) >= int(origin["fresh_subjects"]) and len(set(numbers)) == 2


@pytest.fixture(scope="module")
def busy():
    """A video with micro-expressions, macro-expressions and blinks; nothing of it is rendered."""
    return SyntheticVideo(find_suite("default"), "test", 106, 0, 300)


def found(video, *spans):
    columns = ["subject", "video", "onset", "apex", "offset", "score"]
    rows = [(video.subject, video.name, a, (a + b) // 2, b, 1.0) for a, b in spans]
    return benchmark.Trial(pd.DataFrame(rows, columns=columns), {})


def test_a_false_alarm_is_put_down_to_what_was_there(busy):
    lids = busy.action_unit_weights(0, 300)[:, [list_index("45L"), list_index("45R")]].max(axis=1)
    taken = np.zeros(300, bool)
    for expression in busy.true_expressions:
        taken[expression.onset : expression.offset + 1] = True
    blink = int(np.flatnonzero((lids > 0.5) & ~taken)[0])
    open_eyes = np.convolve((lids > 0.05) | taken, np.ones(5), mode="same") == 0
    quiet = int(np.flatnonzero(open_eyes)[0])
    micro = next(e for e in busy.true_expressions if e.kind == "micro")
    macro = next(e for e in busy.true_expressions if e.kind == "macro")
    inside = next(i for i in range(macro.onset, macro.offset + 1) if not micro.onset <= i <= micro.offset)
    spans = [(blink, blink), (quiet, quiet), (micro.apex, micro.apex), (inside, inside)]
    causes = benchmark.causes(found(busy, *spans), [busy])
    assert causes["what"].tolist() == [
        "a blink",
        "head motion, gaze, light or noise",
        "a micro-expression, but misplaced",
        "a macro-expression",
    ]
    right = next(e for e in busy.expressions if e.kind == "micro")
    assert benchmark.causes(found(busy, (right.onset, right.offset)), [busy]).empty


def list_index(label):
    from melib.synthetic.head import load_head

    return load_head().action_units.index(label)


def test_the_summary_counts_hits_misses_and_false_alarms(busy):
    micro = [e for e in busy.expressions if e.kind == "micro"]
    inside = np.zeros(294)
    for expression in micro:
        inside[expression.onset : expression.offset + 1] = 1
    perfect = benchmark.Trial(
        found(busy, *[(e.onset, e.offset) for e in micro]).found, {(busy.subject, busy.name): inside}
    )
    poor = benchmark.Trial(
        found(busy, (micro[0].onset, micro[0].offset), (250, 260), (270, 280)).found,
        {(busy.subject, busy.name): -inside},
    )
    table = benchmark.summary({"perfect": perfect, "poor": poor}, [busy])
    assert table.loc["perfect"].tolist() == [len(micro), len(micro), 0, 0, 1, 1]
    minutes = 300 / 30 / 60
    f1 = 2 / (1 + len(micro) + 2)
    assert table.loc["poor"].tolist() == pytest.approx([3, 1, len(micro) - 1, 2 / minutes, f1, 0])


@pytest.mark.parametrize(
    ("found", "reference", "words"),
    [
        (
            0.80,
            0.84,
            "met**, because the ROC-AUC of frames is 0.800 from file and detector and 0.840 on the study's crops",
        ),
        (0.79, 0.84, "0.050 lower, within the 0.05"),
        (0.88, 0.78, "0.100 higher, beyond the 0.05"),
        (0.70, 0.84, "0.140 lower, beyond the 0.05"),
        (0.84, 0.84, "the same, within the 0.05"),
        (float("nan"), 0.84, "undecided**"),
    ],
)
def test_the_loss_is_said_either_way(found, reference, words):
    said = benchmark.loss_words(found, reference, 0.05)
    assert words in said
    assert ("missed" in said) == ("beyond" in said)
