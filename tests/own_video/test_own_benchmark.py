"""What the page says of the command against the truth rests on the true face, the true labels and the true blinks."""

import numpy as np
import pandas as pd
import pytest
import rendered_people

from melib import face
from melib.own_video import load_spotter
from melib.synthetic.dataset import SyntheticVideo
from melib.synthetic.head import load_head
from melib.synthetic.suites import find_suite
from melib.video import Video


class Blank(Video):
    """Grey frames of the size of a desk video; nobody knows its landmarks."""

    landmarks = None
    subject, name, fps, n_frames, expressions = "a", "b", 30.0, 5, ()

    def frames(self, start, stop):
        return np.full((stop - start, 480, 640, 3), 99, np.uint8)


def test_the_true_face_of_people_whom_the_spotter_never_saw_is_the_crop_of_the_benchmark(person):
    people = rendered_people.strangers(range(5), 60, view="full")  # nothing of them is rendered
    numbers = [int(video.subject.removeprefix("test")) for video in people]
    assert len(set(numbers)) == 5 and min(numbers) >= int(load_spotter().origin["fresh_subjects"])
    desk = people[4]  # the one whom the fixture renders
    true = rendered_people.TrueFace(desk)
    cropped = face.crop(Blank(), detector=true, box=true.box)
    found, wanted = cropped.landmarks(0, 1)[0], person.landmarks(0, 1)[0]
    # The benchmark's own crop carries the error of a detector, a hundredth of its side in scale and place.
    assert np.abs(found - wanted).max() < 0.05 * 128
    window = cropped.window(0)
    back = (found + 0.5) * window.width / 128 - 0.5 + (window.left, window.top)
    np.testing.assert_allclose(back, desk.landmarks(0, 1)[0], atol=1e-3)


@pytest.fixture(scope="module")
def busy():
    """A video with micro-expressions, macro-expressions and blinks; nothing of it is rendered."""
    return SyntheticVideo(find_suite("default"), "test", 106, 0, 300)


def found(video, *spans, score=None):
    named = {"subject": video.subject, "video": video.name}
    rows = [{**named, "onset": a, "apex": (a + b) // 2, "offset": b, "score": 1.0} for a, b in spans]
    return rendered_people.Trial(pd.DataFrame(rows), pd.DataFrame({**named, "frame": range(294), "score": score}))


def test_a_false_alarm_is_put_down_to_what_was_there(busy):
    lids = [load_head().action_units.index(label) for label in ("45L", "45R")]
    closed = busy.action_unit_weights(0, 300)[:, lids].max(axis=1)
    taken = np.array([any(e.onset <= frame <= e.offset for e in busy.true_expressions) for frame in range(300)])
    blink = int(np.flatnonzero((closed > 0.5) & ~taken)[0])
    quiet = int(np.flatnonzero(np.convolve((closed > 0.05) | taken, np.ones(5), mode="same") == 0)[0])
    micro, macro = (next(e for e in busy.true_expressions if e.kind == kind) for kind in ("micro", "macro"))
    inside = next(i for i in range(macro.onset, macro.offset + 1) if not micro.onset <= i <= micro.offset)
    right = next(e for e in busy.expressions if e.kind == "micro")
    causes = {blink: "a blink", quiet: "head motion, gaze, light or noise", inside: "a macro-expression"}
    causes[micro.apex] = "a micro-expression, but misplaced"
    trial = found(busy, (right.onset, right.offset), *((frame, frame) for frame in causes))
    assert rendered_people.causes(trial, [busy])["what"].tolist() == list(causes.values())


def test_the_summary_counts_hits_misses_and_false_alarms(busy):
    spans = [(e.onset, e.offset) for e in busy.expressions if e.kind == "micro"]
    inside = np.array([any(onset <= frame <= offset for onset, offset in spans) for frame in range(294)], float)
    poor = found(busy, spans[0], (250, 260), (270, 280), score=-inside)
    table = rendered_people.summary({"perfect": found(busy, *spans, score=inside), "poor": poor}, [busy])
    assert table.loc["perfect"].tolist() == [len(spans), len(spans), 0, 0, 1, 1]
    minutes, f1 = 300 / 30 / 60, 2 / (1 + len(spans) + 2)
    assert table.loc["poor"].tolist() == pytest.approx([3, 1, len(spans) - 1, 2 / minutes, f1, 0])


def test_the_loss_is_said_either_way():
    said = {found: rendered_people.loss_words(found, 0.84, 0.05) for found in (0.79, 0.94, 0.70, 0.84)}
    assert "met**" in said[0.79] and "0.050 lower, within the 0.05" in said[0.79]
    assert "0.100 higher, beyond the 0.05" in said[0.94] and "missed**" in said[0.70]
    assert "the same, within the 0.05" in said[0.84]
    assert all(("missed" in words) == ("beyond" in words) for words in said.values())
    assert "undecided**" in rendered_people.loss_words(float("nan"), 0.84, 0.05)
