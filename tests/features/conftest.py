import pytest
from sliding import SlidingVideo

from melib.video import Dataset


@pytest.fixture
def video():
    return SlidingVideo()


@pytest.fixture
def dataset(video):
    return Dataset("sliding", "1", (video,), ("surprise",), synthetic=True)
