"""``melib spot VIDEO``: the brief movements of a face in a video of one's own."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path

from melib.errors import InputError


def spot(options) -> int:
    """Analyse one video and say where the results are."""
    how = {name: getattr(options, name) for name in ("name", "depth", "fps", "device")}
    how |= {"start": _seconds(options.start, "--start"), "end": _seconds(options.end, "--end"), "number": options.face}
    how["box"] = None if options.box is None else _box(options.box)
    if how["box"] and options.face is not None:
        raise InputError("--box and --face both choose the face: give one of them")
    _refuse_no_video(options.video)
    # OpenCV prints warnings of its own; what matters of them is checked and said in one line.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2
    import matplotlib
    import torch

    from melib.own_video import SHIPPED, spot_file

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    # Pictures go to files; one thread, so that the bits do not depend on the number of cores.
    matplotlib.use("agg")
    torch.set_num_threads(1)
    out, model = options.out or Path(f"{options.video.resolve().stem}-spot"), options.model or SHIPPED
    shown = sys.stderr.isatty()
    found = spot_file(options.video, out, model=model, annotate=not options.no_video, progress=shown, **how)
    count = len(found.movements)
    print(*found.notes, f"{count} brief movement{'s' * (count != 1)} marked; read {out / 'report.html'}", sep="\n")
    return 0


def _refuse_no_video(path: Path) -> None:
    """Say at once of a file that is no video that it is none: what computes takes seconds to load."""
    if not path.exists():
        raise FileNotFoundError(f"no video file {path}")
    if path.is_file() and importlib.util.find_spec("av"):
        import av

        try:
            with open(path, "rb") as file:
                av.open(file, options={"protocol_whitelist": "none"}).close()
        except (av.error.FFmpegError, ValueError) as error:
            raise InputError(f"{path} cannot be read as a video ({error.strerror}): convert it, to MP4 say") from error


def _seconds(text: str | None, option: str) -> float | None:
    """A time given as seconds or as minutes and seconds."""
    if text is None:
        return None
    match = re.fullmatch(r"(?:(\d+):(?=[0-5]?\d(?:\.|$)))?(\d+(?:\.\d*)?)", text, re.ASCII)
    if match is None:
        raise InputError(f"{option} is a time in seconds or as mm:ss, such as 75 or 1:15, got {text}")
    return 60 * int(match[1] or 0) + float(match[2])


def _box(text: str) -> tuple[int, ...]:
    """A box given as four whole numbers."""
    if not re.fullmatch(r"-?\d+,-?\d+,\d+,\d+", text, re.ASCII):
        raise InputError(f"--box is LEFT,TOP,WIDTH,HEIGHT in pixels, such as 200,120,180,180, got {text}")
    return tuple(map(int, text.split(",")))
