"""``melib spot VIDEO``: the brief movements of a face in a video of one's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def spot(options) -> int:
    """Analyse one video and say where the results are."""
    # OpenCV and FFmpeg print warnings of their own; what matters of them is checked and said in one line.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2
    import matplotlib
    import torch

    from melib.own_video import SHIPPED, spot_file

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    # Pictures go to files; one thread, so that the bits do not depend on the number of cores.
    matplotlib.use("agg")
    torch.set_num_threads(1)
    out = options.out or Path(f"{options.video.resolve().stem}-spot")
    how = {name: getattr(options, name) for name in ("name", "depth", "fps", "track", "device")}
    found = spot_file(options.video, out, model=options.model or SHIPPED, progress=sys.stderr.isatty(), **how)
    count = len(found.movements)
    print(f"{count} brief movement{'' if count == 1 else 's'} marked; read {out / 'report.html'}")
    return 0
