"""``melib spot VIDEO``: the brief movements of a face in a video of one's own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from melib.errors import InputError


def spot(options) -> int:
    """Analyse one video and say where the results are."""
    path, out = options.video, options.out or Path(f"{options.video.resolve().stem}-spot")
    # What computes takes seconds to load: a file that is no video is refused before.
    if path.is_file() and importlib.util.find_spec("av"):
        import av

        try:
            with open(path, "rb") as file:
                av.open(file, options={"protocol_whitelist": "none"}).close()
        except av.error.InvalidDataError as error:
            raise InputError(f"{path} cannot be read as a video: convert it, to MP4 or WebM for instance") from error
    import matplotlib
    import torch

    from melib.own_video import spot_file

    # Pictures go to files; one thread, so that the bits do not depend on the number of cores.
    matplotlib.use("agg")
    torch.set_num_threads(1)
    how = {name: value for name, value in vars(options).items() if name not in ("command", "module", "video", "out")}
    found = spot_file(path, out, progress=sys.stderr.isatty(), **how)
    count = len(found.movements)
    print(*found.notes, f"{count} brief movement{'s' * (count != 1)} marked; read {out / 'report.html'}", sep="\n")
    return 0
