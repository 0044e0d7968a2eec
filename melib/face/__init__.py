"""The face in the image: where it is, its 68 landmarks, its crop, and the two regions that both papers look at.

The benchmark brings crops and exact landmarks. A video that shows more than a face goes through :func:`crop`, a dataset
of such videos through :func:`crop_dataset`; both use the optional packages of ``pip install ".[faces]"`` unless
they are given another :class:`Detector`.
"""

from melib.face.crop import CroppedVideo, crop, crop_dataset
from melib.face.detect import Box, Detector, DlibDetector, Face, FaceError
from melib.face.regions import INPUT_SIZE, Rectangle, stack_strips, strips

__all__ = ["INPUT_SIZE", "Box", "CroppedVideo", "Detector", "DlibDetector", "Face", "FaceError"]
__all__ += ["Rectangle", "crop", "crop_dataset", "stack_strips", "strips"]
