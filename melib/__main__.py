"""``python -m melib COMMAND``: the study from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from melib import __version__
from melib.errors import in_one_line

_DOCTOR = """\
Nothing is written into the dataset. Exit code: 0, all as published; 1, usable, but it differs or lacks parts;
2, unusable, with the reason on one line. Without --dataset the known datasets are listed."""
_SCORE = """\
PRED.csv and TRUTH.csv have the columns subject, video, onset, offset, emotion (frames, both ends inclusive);
kind (micro or macro) is optional, and macro rows are left aside; without emotion, spotting alone is scored. LIST.csv:
subject, video, frames, fps. Names of digits are numbers (006 is 6). Intervals: studentised bootstrap, 95 %."""
_SPOT = """\
VIDEO is a file that FFmpeg reads or a folder of numbered images; read report.html first. Everything stays on this
computer. A run that was killed goes on when it is started again in the same way. The spotter learnt on rendered heads;
what it marks is no evidence of lying, nor is an expression a felt emotion. Film people only with their consent.
Finding the face needs: pip install ".[faces]" in a clone. Bad input: one line on stderr, exit code 2."""


def build_parser() -> argparse.ArgumentParser:
    """The options of every command; what a command computes with is loaded when it runs."""
    parser = argparse.ArgumentParser(prog="melib", description="Spot, then recognize: facial micro-expressions.")
    parser.add_argument("--version", action="version", version=f"melib {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, module: str, words: str, epilog: str = "") -> Callable[..., argparse.Action]:
        """Declare the function of a name in a module of ``melib.cli``; the answer declares its arguments."""
        raw = argparse.RawDescriptionHelpFormatter
        made = commands.add_parser(name, help=words, description=words, epilog=epilog, formatter_class=raw)
        made.set_defaults(module=f"melib.cli.{module}")
        return made.add_argument

    add = command("doctor", "doctor", "examine a copy of a licensed dataset, or list the known ones", _DOCTOR)
    add("--dataset", help="name of the dataset")
    add("--root", type=Path, metavar="DIR", help="folder into which it was unpacked")
    add("--decode", action="store_true", help="decode every image, not only its header (slow)")
    add("--json", metavar="FILE", type=Path, help="also write all that was found to a file")

    add = command("render", "render", "write the benchmark as files, in the layout of CAS(ME)^3, for other code")
    add("suite", metavar="SUITE", help="sanity, default or everyday")
    add("--out", type=Path, metavar="DIR", required=True, help="folder, empty or left unfinished by the same command")
    add("--people", type=int, metavar="N", required=True, help="the first N of the population")
    add("--population", default="train", help="train, to learn from, or test, other people (default: train)")
    add("--videos", type=int, default=2, help="of each person, at most 13 (default: 2)")
    add("--frames", type=int, default=450, help="of each video (default: 450)")
    add("--format", default="jpg", help="of colour: jpg, or png, without loss (default: jpg)")
    add("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")

    add = command("reproduce", "study", "compute a tier anew, apart, and compare every metric with the kept records")
    add("--tier", default="smoke", help="smoke, quick or full (default: smoke)")
    add("--experiment", action="append", metavar="NAME", help="one experiment; may be given again")
    add("--kept", type=Path, help="folder of the kept records (default: results of the checkout)")
    add("--store", type=Path, help="folder of features to use (default: they are computed anew)")
    add("--jobs", type=int, default=2, help="processes, one thread each (default: 2)")

    add = command("rows", "study", "compute the records of experiments that are missing or stale, all rows or some")
    add("experiments", metavar="EXPERIMENT", nargs="+", help="notebooks/EXPERIMENT.yml, or 'all'")
    add("--tier", default="quick", help="smoke, quick or full (default: quick)")
    add("--row", action="append", help="this row alone; may be given several times (default: all)")
    add("--seed", type=int, help="one seed alone (default: those of the tier)")
    add("--rows", type=Path, help="a file with further rows, as in an experiment's file")
    add("--dataset", default="synthetic", help="a licensed dataset (default: synthetic, the benchmark)")
    add("--data-root", default="", help="folder of the licensed dataset")
    add("--features", action="store_true", help="compute what the rows read, and no record")
    add("--missing", action="store_true", help="compute nothing; name what is missing or stale")
    add("--folder", type=Path, help="of the records (default: .cache/records of the checkout)")
    add("--store", type=Path, help="folder of the features (default: $MELIB_CACHE or .cache/features)")
    add("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")

    add = command("run", "study", "execute runs of runs.yml and write their pages, book/runs/ID.ipynb")
    add("ids", metavar="ID", nargs="+", help="a run declared in runs.yml, or 'all'")
    add("--tier", default="quick", help="smoke, quick or full (default: quick)")
    add("--jobs", type=int, default=1, help="processes, one thread each (default: 1)")

    add = command("score", "score", "score predicted micro-expressions against labelled ones (STRS and more)", _SCORE)
    add("predictions", metavar="PRED.csv", help="the predicted intervals")
    add("truth", metavar="TRUTH.csv", help="the labelled intervals")
    add("--protocol", default="strict", help="of matching: strict, strs-metric, mean or sfamnet (default: strict)")
    add("--emotions", metavar="A,B,...", help="classes of the analysis (default: the emotions of the truth)")
    add("--videos", metavar="LIST.csv", help="all videos, silent ones too: for false positives per minute and chance")
    add("--columns", metavar="OURS=THEIRS,...", default="", help="renames columns, as subject=Sub,video=vid")
    add("--per-video", action="store_true", help="also counts, precision and recall of every video")
    add("--bootstrap", metavar="N", type=int, default=0, help="intervals over subjects from N resamples, such as 2000")
    add("--json", action="store_true", help="print JSON with stable keys instead of a table")

    add = command("spot", "spot", "mark the brief movements of a face in a video, where they are and how sure", _SPOT)
    add("video", metavar="VIDEO", type=Path, help="a video file, or a folder of numbered images")
    add("--out", type=Path, help="folder of results (default: NAME-spot where the program is started)")
    add("--model", type=Path, help="another spotter, made by tools/make_spotter.py")
    add("--name", action="store_true", help="also the nearest class of an invented action-unit table per movement")
    add("--fps", type=float, help="frames per second of images, or of a file without a clock")
    add("--start", type=time, help="look from here on: seconds, or mm:ss")
    add("--end", type=time, help="look up to here")
    add("--face", dest="number", type=int, metavar="N", help="which face, from the left where faces are first seen")
    add("--box", type=box, metavar="LEFT,TOP,WIDTH,HEIGHT", help="place of a face that stays there and is not found")
    add("--no-video", dest="annotate", action="store_false", help="leave out annotated.mp4")
    return parser


def time(text: str) -> float:
    """Seconds of a time given as seconds, mm:ss or hh:mm:ss."""
    return sum(float(part) * 60**power for power, part in enumerate(reversed(text.split(":"))))


def box(text: str) -> tuple[int, int, int, int]:
    """The four numbers of a box."""
    left, top, width, height = map(int, text.split(","))
    return left, top, width, height


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; bad input gives one line on stderr and exit code 2, an interruption one line and 130."""
    parsed = build_parser().parse_args(arguments)
    return in_one_line(f"melib {parsed.command}", lambda: getattr(import_module(parsed.module), parsed.command)(parsed))


if __name__ == "__main__":
    sys.exit(main())
