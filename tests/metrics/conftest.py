import numpy as np
import pandas as pd
import pytest

EMOTIONS = ("negative", "positive", "surprise")


def draw_tables(rng: np.random.Generator, subjects: int = 8, videos: int = 2, per_video: int = 3):
    """Truth and predictions in which about half of the truths are found and most of those are named rightly."""
    truth, predictions = [], []
    for subject in range(1, subjects + 1):
        for video in range(videos):
            for slot in range(per_video):
                onset = slot * 100 + int(rng.integers(0, 40))
                offset = onset + int(rng.integers(10, 30))
                emotion = EMOTIONS[rng.integers(3)]
                truth.append((subject, f"v{video}", onset, offset, emotion))
                if rng.random() < 0.6:
                    shift = int(rng.integers(-8, 9))
                    named = emotion if rng.random() < 0.7 else EMOTIONS[rng.integers(3)]
                    predictions.append((subject, f"v{video}", onset + shift, offset + shift, named))
                if rng.random() < 0.3:
                    start = slot * 100 + 75
                    predictions.append((subject, f"v{video}", start, start + 15, EMOTIONS[rng.integers(3)]))
    columns = ["subject", "video", "onset", "offset", "emotion"]
    return pd.DataFrame(truth, columns=columns), pd.DataFrame(predictions, columns=columns)


@pytest.fixture
def drawn_tables():
    return draw_tables


@pytest.fixture
def tables():
    return draw_tables(np.random.default_rng(3))


@pytest.fixture
def videos(tables):
    truth, _ = tables
    listed = truth[["subject", "video"]].drop_duplicates().assign(frames=300, fps=30.0)
    silent = pd.DataFrame({"subject": ["silent"], "video": ["v0"], "frames": [600], "fps": [30.0]})
    return pd.concat([listed, silent], ignore_index=True)
