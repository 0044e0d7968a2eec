"""What is said about how the face of a video was found."""

from __future__ import annotations

from dataclasses import dataclass

from melib.face.detect import Box
from melib.face.find import Start

#: Below so many pixels a movement of one pixel at 128 is less than a third of a pixel of the video.
SMALL_FACE = 40
#: A crop that lies farther from its face than this part of its side has lost some of it.
_ASIDE = 0.1


@dataclass(frozen=True)
class CropReport:
    """How the face of a video was found.

    Attributes
    ----------
    subject, video : str
    detector : str
    frame : int
        The frame in which the face was found; later than 0 where the first ones show none.
    faces : int
        Faces in that frame; 0 where the box was given.
    confidence : float
        The detector's own scale.
    box : Box
        The square that is cut out (of the first frame, if the crop follows the head), pixels of the video.
    looks, lost : int
        Frames in which the face was looked for, and those among them that did not show it after the first that did.
    notes : tuple of str
        What whoever reads a result should know; empty if all is well.
    """

    subject: str
    video: str
    detector: str
    frame: int
    faces: int
    confidence: float
    box: Box
    looks: int
    lost: int
    notes: tuple[str, ...]


def notes(start: Start, square: Box, size: int, looks: int, lost: int) -> tuple[str, ...]:
    """What is unusual about a crop, a sentence each.

    Parameters
    ----------
    start : Start
    square : Box
        What is cut out of the first frame.
    size : int
        Side of the crop.
    looks, lost : int
        As in :class:`CropReport`.
    """
    said = []
    if start.frame > 0:
        said.append(f"no face before frame {start.frame}: the crop is made from that frame")
    if start.faces > 1:
        said.append(f"{start.faces} faces in frame {start.frame}: the largest is taken")
    if square.width < SMALL_FACE:
        said.append(
            f"the face is only {square.width} pixels wide, enlarged to {size}: small movements of it cannot be seen"
        )
    if _over_the_edge(start) > _ASIDE * max(start.box.width, start.box.height):
        said.append("the face reaches over the edge of the image: the crop holds what lies inside")
    if lost:
        said.append(f"the face was not found in {lost} of {looks} frames looked at: its last place was kept there")
    return tuple(said)


def _over_the_edge(start: Start) -> int:
    """Pixels by which the face's box reaches over the edge that it reaches over farthest."""
    box = start.box
    return max(-box.left, -box.top, box.left + box.width - start.width, box.top + box.height - start.height)
