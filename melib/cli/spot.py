"""``melib spot VIDEO``: the brief movements of a face in a video of one's own."""

from pathlib import Path

import matplotlib
import torch

from melib.own_video import spot_file


def spot(options) -> int:
    """Analyse one video and say where the results are."""
    # Pictures go to files; one thread, so that the bits do not depend on the number of cores.
    matplotlib.use("agg")
    torch.set_num_threads(1)
    out = options.out or Path(f"{options.video.resolve().stem}-spot")
    how = {name: value for name, value in vars(options).items() if name not in ("command", "module", "video", "out")}
    found = spot_file(options.video, out, **how)
    count = len(found.movements)
    print(*found.notes, f"{count} brief movement{'s' * (count != 1)} marked; read {out / 'report.html'}", sep="\n")
    return 0
