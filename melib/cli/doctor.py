"""``melib doctor``: what a copy of a licensed dataset holds and lacks."""

import json
import sys

from melib.datasets import DATASETS
from melib.datasets import doctor as examiner
from melib.errors import InputError, printable
from melib.files import whole


def doctor(options) -> int:
    """Examine and report; 0, 1 or 2 as the verdict is."""
    path, root = options.json, options.root
    if options.dataset is None:
        if root is not None or path is not None or options.decode:
            raise InputError(f"which dataset is it? --dataset {', '.join(DATASETS)}")
        print(examiner.catalogue())
        return 0
    if root is None:
        raise InputError("where does the dataset lie? Name its folder with --root DIR")
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise InputError(f"--json {path} is no file in a folder that exists: name one, or make it first")
    if path is not None and path.parent.resolve().is_relative_to(root.resolve()):  # whatever links lead there
        raise InputError(f"{path} lies in the dataset, into which nothing is written: name a file elsewhere")
    try:
        found = examiner.examine(options.dataset, root, decode=options.decode, progress=sys.stderr.isatty())
    except (InputError, OSError) as error:
        found = {"dataset": options.dataset, "verdict": examiner.UNUSABLE, "differences": [str(error)]}
    if path is not None:
        with whole(path) as part:
            part.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if found["verdict"] == examiner.UNUSABLE:
        print(f"melib doctor: {printable(found['differences'][0])}", file=sys.stderr)
        return 2
    print(examiner.report(found))
    return 0 if found["verdict"] == examiner.AS_PUBLISHED else 1
