"""``melib doctor``: what a copy of a licensed dataset holds and lacks."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from melib.errors import InputError, printable

HELP = "examine a copy of a licensed dataset, or list the known ones"

_EPILOG = """\
Nothing is written into the dataset. Exit code: 0, all as published; 1, usable, but it differs or lacks parts;
2, unusable, with the reason on one line. Without --dataset the known datasets are listed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--dataset", help="name of the dataset")
    parser.add_argument("--root", type=Path, metavar="DIR", help="folder into which it was unpacked")
    parser.add_argument("--decode", action="store_true", help="decode every image, not only its header (slow)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write all that was found to a file")


def run(arguments: argparse.Namespace) -> int:
    """Examine and report; 0, 1 or 2 as the verdict is."""
    from melib.datasets import DATASETS, doctor

    if arguments.dataset is None:
        if arguments.root is not None or arguments.json is not None or arguments.decode:
            raise InputError(f"which dataset is it? --dataset {', '.join(DATASETS)}")
        print(doctor.catalogue())
        return 0
    if arguments.root is None:
        raise InputError("where does the dataset lie? Name its folder with --root DIR")
    if arguments.json is not None:
        _check_outside(arguments.json, arguments.root)
    try:
        bar = sys.stderr.isatty()
        result = doctor.examine(arguments.dataset, arguments.root, decode=arguments.decode, progress=bar)
    except (InputError, OSError) as error:
        result = {"dataset": arguments.dataset, "verdict": doctor.UNUSABLE, "differences": [str(error)]}
    if arguments.json is not None:
        from melib.files import whole

        with whole(arguments.json) as part:
            part.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if result["verdict"] == doctor.UNUSABLE:
        print(f"melib doctor: {printable(result['differences'][0])}", file=sys.stderr)
        return 2
    print(doctor.report(result))
    return 0 if result["verdict"] == doctor.AS_PUBLISHED else 1


def _check_outside(path: Path, root: Path) -> None:
    """Refuse to write below the dataset's folder, whatever links lead there."""
    if not path.parent.is_dir():
        raise InputError(f"no folder {path.parent} to write {path.name} into: make it first")
    if path.is_dir():
        raise InputError(f"--json names the folder {path}: name a file")
    if path.parent.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{path} lies in the dataset, into which nothing is written: name a file elsewhere")
