"""``melib spot VIDEO``: the brief movements of a face in a video of one's own."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HELP = "Mark the brief movements of a face in a video, with the region of the face and how sure that is."

_EPILOG = """\
VIDEO is a file that OpenCV reads or a folder of numbered images. The folder of results gets report.html (read it
first), intervals.csv, timeline.png, annotated.mp4 and spot.json. Everything stays on this computer. A run that was
killed goes on where it stopped when it is started again in the same way. The spotter learnt on rendered heads; what
it marks is no evidence of lying, and an expression is not a felt emotion. Film people only with their consent.
Finding the face needs: pip install "melib[faces]". Bad input: one line on stderr, exit code 2."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("video", metavar="VIDEO", type=Path, help="a video file, or a folder of numbered images")
    parser.add_argument("--out", type=Path, help="folder of results (default: NAME-spot where the program is started)")
    parser.add_argument("--model", type=Path, help="another spotter, made by tools/make_spotter.py")
    parser.add_argument(
        "--name",
        action="store_true",
        help="also give each movement the nearest class of an invented action-unit table",
    )
    parser.add_argument("--depth", type=Path, metavar="DIR", help="folder of depth images in millimetres (16-bit PNG)")
    parser.add_argument("--fps", type=float, help="frames per second as filmed, where the file is wrong or a folder")
    parser.add_argument("--track", action="store_true", help="let the crop follow the head")


def run(arguments: argparse.Namespace) -> int:
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
    out = arguments.out or Path(f"{arguments.video.resolve().stem}-spot")
    finding = spot_file(
        arguments.video,
        out,
        model=arguments.model or SHIPPED,
        name=arguments.name,
        depth=arguments.depth,
        fps=arguments.fps,
        track=arguments.track,
        progress=sys.stderr.isatty(),
    )
    count = len(finding.movements)
    print(f"{count} brief movement{'' if count == 1 else 's'} marked; read {out / 'report.html'}")
    return 0
