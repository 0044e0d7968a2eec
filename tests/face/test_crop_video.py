"""A crop shows what the frame shows there, reads no more than it must, and says how the face was found."""

import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest
from filmed import GROUND, PAINT, FilmedVideo, PaintDetector, paint

from melib.face import Box, FaceError, crop, crop_dataset
from melib.video import Camera, Dataset, Expression, Video

CAMERA = Camera(fx=500.0, fy=520.0, cx=79.3, cy=60.9, width=160, height=120)


def filmed(places, **options):
    return FilmedVideo(paint(places), **options)


def cut(places=((30, 20),), frames=1, *, size=128, box=None, **options):
    """The crop of a video that shows faces at the same places in every frame."""
    return crop(filmed([list(places)] * frames, **options), detector=PaintDetector(), size=size, box=box)


def refused(words, call, *what, kind=ValueError, **how):
    with pytest.raises(kind, match=words):
        call(*what, **how)


NOISE = FilmedVideo(np.random.default_rng(3).integers(0, 250, (1, 120, 160, 3), dtype=np.uint8))


def test_the_crop_is_the_box_of_the_face_and_a_video_of_the_same_person():
    video = filmed([[(30, 20)]] * 4, expressions=(Expression(1, 3, 2, emotion="fear"),))
    cropped = crop(video, detector=PaintDetector())
    assert isinstance(cropped, Video) and cropped.window(3) == cropped.start.box == Box(30, 20, 60, 60)
    assert (cropped.start.faces, cropped.start.looks, cropped.notes) == (1, 1, ())
    found = cropped.frames(1, 3)
    assert found.shape == (2, 128, 128, 3) and found.dtype == np.uint8
    assert (found[..., 0] == PAINT).all() and (found[..., 1] == GROUND).all()
    for name in ("subject", "name", "fps", "n_frames", "expressions"):
        assert getattr(cropped, name) == getattr(video, name)
    landmarks = cropped.landmarks(0, 4)  # those of the first crop, repeated
    expected = PaintDetector().landmarks(None, Box(0, 0, 128, 128))
    assert landmarks.dtype == np.float32 and (landmarks == expected).all() and landmarks.shape == (4, 68, 2)
    sent = pickle.loads(pickle.dumps(cropped))  # noqa: S301 - made here, a line ago
    np.testing.assert_array_equal(sent.frames(1, 3), found)
    # A crop of the box's own size is a plain cut.
    cropped = crop(NOISE, size=64, detector=PaintDetector(), box=(50, 40, 64, 64))
    np.testing.assert_array_equal(cropped.frames(0, 1), NOISE.frames(0, 1)[:, 40:104, 50:114])


@pytest.mark.parametrize("track", [False, True])
def test_only_the_frames_asked_for_are_read_and_one_is_held_at_a_time(track):
    video = filmed([[(30, 20)]] * 50)
    cropped = crop(video, detector=PaintDetector(), track=track)
    assert video.read == [0]
    cropped.frames(40, 42)
    assert track or video.read == [0, 40, 41]
    assert len(cropped.frames(0, 50)) == len(cropped.landmarks(0, 50)) == 50
    assert video.longest_read == 1


@pytest.mark.parametrize("size", [50, 60, 128])
def test_the_image_moves_into_the_crop_as_the_camera_says(size):
    y, x = np.mgrid[:120, :160]
    blob = (250 * np.exp(-((x - 66.3) ** 2 + (y - 51.8) ** 2) / 60)).astype(np.uint8)
    video = FilmedVideo(np.repeat(blob[None, ..., None], 3, axis=3), camera=CAMERA)
    cropped = crop(video, size=size, detector=PaintDetector(), box=(31, 17, 70, 70))
    weight = cropped.frames(0, 1)[0, ..., 0].astype(float)
    rows, columns = np.mgrid[:size, :size]
    centre = [(columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()]
    point = [(66.3 - CAMERA.cx) / CAMERA.fx, (51.8 - CAMERA.cy) / CAMERA.fy, 1.0]
    np.testing.assert_allclose(centre, cropped.camera.project(np.array(point)), atol=0.1)
    assert (cropped.camera.width, cropped.camera.height) == (size, size)


def test_depth_is_cut_with_the_colour_and_its_holes_stay_holes():
    depth = np.random.default_rng(7).uniform(0.4, 0.8, (1, 120, 160)).astype(np.float32)
    depth[:, 30:40, 50:60] = 0
    found = cut([(31, 17)], size=180, depth=depth).depth(0, 1)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], np.repeat(np.repeat(depth[0, 17:77, 31:91], 3, 0), 3, 1))
    # At 44 of 60 pixels no centre falls between two readings, where either would be the nearest.
    smaller = cut([(31, 17)], size=44, depth=depth).depth(0, 1)[0]
    exact = cv2.resize(depth[0, 17:77, 31:91], (44, 44), interpolation=cv2.INTER_NEAREST_EXACT)
    np.testing.assert_array_equal(smaller, exact)


def test_what_a_video_lacks_or_has_in_another_size_is_refused():
    cropped = cut()
    assert cropped.camera is None
    refused("s1/v1 has no depth", cropped.depth, 0, 1)
    cropped = cut(depth=np.ones((1, 60, 80), np.float32), camera=Camera(500, 500, 40, 30, 80, 60))
    with pytest.raises(ValueError, match="frames of 160x120 pixels and a camera of 80x60"):
        _ = cropped.camera
    refused("images of 80x60 pixels beside others of 160x120", cropped.depth, 0, 1)
    for method in (cropped.frames, cropped.landmarks, cropped.depth):
        with pytest.raises(IndexError, match=r"frames 0\.\.2 asked of video s1/v1"):
            method(0, 2)
    for box in ((0, 0, 0, 60), (150, 20, 60, 60)):
        refused("empty or outside the 160x120 images of video s1/v1", cut, box=box)


def test_a_box_is_made_square_about_its_middle_and_moved_into_the_image():
    for box, window in (
        ((-20, 80, 60, 60), (0, 60, 60, 60)),
        ((-20, -40, 200, 200), (20, 0, 120, 120)),
        ((60, 30, 40, 60), (50, 30, 60, 60)),
    ):
        cropped = crop(NOISE, detector=PaintDetector(), box=box)
        assert (cropped.window(0), cropped.start.faces) == (window, 0)
        assert cropped.frames(0, 1).shape == (1, 128, 128, 3)


def test_what_is_unusual_about_a_face_is_said():
    several = cut([(5, 10, 40), (80, 20, 60)])
    assert (several.window(0), several.start.faces) == (Box(80, 20, 60, 60), 2)
    assert several.notes == ("2 faces in frame 0: the largest is taken.",)
    first = crop(several.source, detector=PaintDetector(), number=1)
    assert (first.window(0), first.notes) == (
        Box(5, 10, 40, 40),
        ("2 faces in frame 0: number 1 from the left is taken.",),
    )
    refused("shows faces: 2; there is no number 3", crop, several.source, detector=PaintDetector(), number=3)
    late = crop(filmed([[]] * 400 + [[(30, 20)]] * 40), detector=PaintDetector())
    assert 400 <= late.start.frame <= 430
    assert late.notes == (f"No face before frame {late.start.frame}: the crop is made from that frame.",)
    small = cut([(30, 20, 36)])
    assert small.notes == ("The face is only 36 pixels wide, enlarged to 128: small movements cannot be seen.",)


EYE, MOUTH, NOSE = slice(36, 42), slice(48, 68), 30


@pytest.mark.parametrize(
    ("confidence", "part", "place", "doubts"),
    [
        (0.4, NOSE, (0.5, 0.5), "not sure of the face (confidence 0.4)"),
        (1.0, EYE, (0.35, 0.24), "The eyes are 0.36 of the crop's side apart"),
        (0.15, NOSE, (0.5, 0.5), None),
        (1.0, NOSE, (0.68, 0.5), None),  # turned away
        (1.0, MOUTH, (0.5, 0.1), None),  # upside down
        (1.0, EYE, (0.5, 0.24), None),  # eyes too near to each other
    ],
)
def test_a_doubtful_face_is_warned_of_and_one_that_cannot_be_measured_is_none(confidence, part, place, doubts):
    class Odd(PaintDetector):
        def detect(self, rgb, near=None):
            return [replace(face, confidence=confidence) for face in super().detect(rgb)]

        def landmarks(self, rgb, box):
            found = super().landmarks(rgb, box)
            found[part] = np.array(place) * box[2:] + box[:2]
            return found

    video = filmed([[(30, 20)]] * 3)
    if doubts is None:
        refused("no face found", crop, video, detector=Odd(), track=True, kind=FaceError)
    else:
        (note,) = crop(video, detector=Odd()).notes
        assert doubts in note and note.endswith("marks are doubtful.")


def test_a_video_without_a_usable_face_is_refused_with_its_name_and_the_mend():
    refused(r"no face found in video s1/v1 \(6 of 30 frames .*--box LEFT,TOP", cut, [], 30, kind=FaceError)
    assert cut([], 30, box=(10, 10, 80, 80)).window(0) == Box(10, 10, 80, 80)
    refused("face in frame 0 of video s1/v1 is 20 pixels wide, fewer than 24", cut, [(30, 20, 20)], kind=FaceError)
    # After ten seconds it is looked for once a second.
    long = FilmedVideo(np.zeros((400, 8, 8, 3), np.uint8))
    refused("65 of 400 frames", crop, long, detector=PaintDetector(), kind=FaceError)


def test_a_dataset_is_cropped_when_its_videos_are_used_and_what_was_found_once_is_kept(tmp_path):
    videos = tuple(filmed([places], name=name) for name, places in (("v1", [(30, 20)]), ("v2", [])))
    whole, detector = Dataset("films", "1", videos, ("fear",)), PaintDetector()
    cropped = crop_dataset(whole, detector=detector, cache=tmp_path)
    assert detector.asked == 0 and (cropped.name, cropped.emotions) == ("films", ("fear",))
    assert cropped.version == "1+crop-128-paint"
    assert crop_dataset(whole, detector=detector, size=64).version == "1+crop-64-paint"
    assert cropped.videos[0].window(0) == Box(30, 20, 60, 60)
    refused("no face found in video s1/v2", cropped.videos[1].window, 0, kind=FaceError)
    again = crop_dataset(whole, detector=PaintDetector(), cache=tmp_path).videos[0]
    np.testing.assert_array_equal(again.start.landmarks, cropped.videos[0].start.landmarks)
    assert again.window(0) == Box(30, 20, 60, 60) and again.detector.asked == 0 and len(list(tmp_path.iterdir())) == 1
    other = crop_dataset(replace(whole, version="2"), detector=PaintDetector(), cache=tmp_path).videos[0]
    assert other.start.faces == other.detector.asked == 1
