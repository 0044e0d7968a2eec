import cv2
import numpy as np
import pytest

from melib.synthetic.dataset import SyntheticVideo
from melib.synthetic.suites import find_suite

FRAMES = 60
SIZE = (320, 240)


@pytest.fixture(scope="session")
def person():
    """A rendered face, of a person on whom nothing was trained."""
    return SyntheticVideo(find_suite("default"), "test", 104, 0, FRAMES)


@pytest.fixture(scope="session")
def scene(person):
    """The face in a larger picture: ``(60, 240, 320, 3)`` RGB, mid-grey around the crop."""
    frames = np.full((FRAMES, SIZE[1], SIZE[0], 3), 110, np.uint8)
    frames[:, 56:184, 96:224] = person.frames(0, FRAMES)
    return frames


def _write(path, frames, codec="mp4v"):
    code, size = cv2.VideoWriter_fourcc(*codec), frames[0].shape[1::-1]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 30.0, size)
    assert writer.isOpened()
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


@pytest.fixture
def write_video():
    """Write RGB frames, 30 a second, to a file in the codec of four letters."""
    return _write


@pytest.fixture(scope="session")
def mp4(scene, tmp_path_factory):
    """The scene as an MP4 file."""
    return _write(tmp_path_factory.mktemp("film") / "someone.mp4", scene)
