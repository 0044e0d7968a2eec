"""Spot, then recognize: facial micro-expressions from optical flow and depth.

Conventions, stated here once and pinned by tests
-------------------------------------------------
Frames
    Frames are positions ``0 .. T-1`` in a video. Onset, apex and offset are **inclusive**: an expression of onset
    10 and offset 14 lasts five frames. A reader converts a dataset's own numbering in one place.
Images
    ``(H, W, 3)`` uint8 RGB; grey images ``(H, W)``. The centre of the top-left pixel is ``(x, y) = (0, 0)``.
Depth
    ``(H, W)`` float32 metres along the optical axis; 0 means "no reading".
Optical flow
    ``(..., 2, H, W)`` float32 pixels, channels (right, down). ``flow(a, b)`` lives on the grid of ``a`` and tells
    where its pixels go in ``b``.
Scene flow
    ``(..., 3, H, W)`` float32 metres in camera axes, channels (right, down, away from the camera).
Scores
    The score of a frame pair ``(i, i + k)`` belongs to frame ``i``.
Randomness
    Everything random follows from one integer seed; the same seed gives the same bits on the same machine.
"""

__version__ = "2.0.0"
