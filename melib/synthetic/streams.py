"""Random streams: one per purpose, so that one more draw for the blinks never moves the head."""

from __future__ import annotations

import numpy as np

#: Subjects use those below 10. Numbers are part of a suite's version: they are never reused for another purpose.
STREAMS = {"light": 10, "crop": 11, "background": 12, "colour_sensor": 13}
STREAMS |= {"depth_noise": 14, "depth_pattern": 15, "colour_noise": 16}
STREAMS |= {"events": 20, "action_units": 21, "envelopes": 22, "annotation": 23, "blinks": 24, "gaze": 25}
STREAMS |= {"rotation": 26, "translation": 27, "pulse": 28, "posture": 29, "tonic": 30, "flicker": 31}
STREAMS |= {"speech": 40, "leaning": 41, "turns": 42, "nods": 43, "restlessness": 44, "camera": 45, "room": 46}
STREAMS |= {"covers": 47, "grain": 48, "codec": 49}


def stream(seed: int, purpose: str, *more: int) -> np.random.Generator:
    """The generator of one purpose, a key of `STREAMS`, in the video with this seed; `more` may number a frame."""
    return np.random.default_rng([seed, STREAMS[purpose], *more])
