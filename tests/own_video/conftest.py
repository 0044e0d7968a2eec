import av
import numpy as np
import pytest

from melib.synthetic.dataset import SyntheticVideo
from melib.synthetic.suites import find_suite

FRAMES = 60
SIZE = (320, 240)


@pytest.fixture(scope="session")
def person():
    """A rendered face, of a person on whom nothing was trained."""
    return SyntheticVideo(find_suite("default"), "test", 204, 0, FRAMES)


@pytest.fixture(scope="session")
def scene(person):
    """The face in a larger picture: ``(60, 240, 320, 3)`` RGB, mid-grey around the crop."""
    frames = np.full((FRAMES, SIZE[1], SIZE[0], 3), 110, np.uint8)
    frames[:, 56:184, 96:224] = person.frames(0, FRAMES)
    return frames


def _write(path, frames, rate=30):
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "12", "preset": "ultrafast"})
        (stream.height, stream.width), stream.pix_fmt = frames[0].shape[:2], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def write_video():
    """Write RGB frames to an MP4 file, 30 a second or at another rate."""
    return _write


@pytest.fixture(scope="session")
def mp4(scene, tmp_path_factory):
    """The scene as an MP4 file."""
    return _write(tmp_path_factory.mktemp("film") / "someone.mp4", scene)
