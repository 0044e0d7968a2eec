"""Build the distributions and try the wheel as a stranger would: in an empty environment, away from the checkout.

    python tools/try_wheel.py [--keep FOLDER]

From the tracked files alone ``python -m build`` makes the source distribution and, from that, the wheel. A fresh
virtual environment gets the wheel with the dependencies that it declares. Tried are ``melib score`` on two small files,
``melib render``, and ``melib spot`` on what it made, first without the extra ``faces`` (it must say so in one
line) and then with it. Needs a package index and some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from melib.errors import in_one_line

INSTALL = ("python", "-m", "pip", "install", "--quiet", "--no-input")
ROOT = Path(__file__).resolve().parents[1]
#: Two intervals in each of two videos; 3 of 3 predicted intervals meet one of the 4 true ones, one under another name.
TRUTH = "subject,video,onset,offset,emotion\na,1,10,25,negative\na,1,60,72,positive\nb,1,30,48,surprise\n"
TRUTH += "b,1,90,99,negative\n"
PREDICTED = "subject,video,onset,offset,emotion\na,1,11,25,negative\na,1,60,73,positive\nb,1,30,47,negative\n"
F1_SPOTTING = 2 * 3 / (3 + 4)
REPORT = ("report.html", "intervals.csv", "timeline.png", "annotated.mp4", "spot.json")


class Environment:
    """A fresh virtual environment, in a folder that also holds what is tried in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)

    def run(self, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, which finds no other melib; its exit code is the caller's to judge."""
        others = ("PYTHON", "MELIB_", "VIRTUAL_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        command = [str(self.folder / "venv" / "bin" / program), *map(str, arguments)]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)

    def must(self, program: str, *arguments: object) -> str:
        """Run a program that has to succeed; what it printed."""
        result = self.run(program, *arguments)
        words = " ".join(map(str, (program, *arguments)))
        demand(result.returncode == 0, f"{words} failed:\n{(result.stdout + result.stderr)[-3000:]}")
        return result.stdout


def demand(holds: bool, words: str) -> None:
    """Raise RuntimeError with the words unless something holds."""
    if not holds:
        raise RuntimeError(words)


def build(room: Path) -> Path:
    """Build source distribution and wheel of the checkout's tracked files; the wheel."""
    copy = room / "checkout"
    subprocess.run(["git", "-C", ROOT, "checkout-index", "--all", f"--prefix={copy}/"], check=True)
    builder = Environment(room / "builder")
    builder.must(*INSTALL, "build")
    builder.must("python", "-m", "build", "--outdir", room / "dist", copy)
    (wheel,) = (room / "dist").glob("melib-*.whl")
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB", flush=True)
    return wheel


def attempt(keep: Path | None) -> int:
    """Build, install, try, keep."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)  # at once: what cannot be kept need not be built
    with tempfile.TemporaryDirectory(prefix="melib-wheel-") as folder:
        wheel = build(Path(folder))
        stranger = Environment(Path(folder, "stranger"))
        stranger.must(*INSTALL, wheel)
        print(stranger.must("melib", "--version").strip(), flush=True)
        for name, text in (("truth.csv", TRUTH), ("predicted.csv", PREDICTED)):
            (stranger.folder / name).write_text(text, encoding="utf-8")
        found = json.loads(stranger.must("melib", "score", "predicted.csv", "truth.csv", "--json"))["f1_spotting"]
        demand(abs(found - F1_SPOTTING) < 1e-12, f"melib score finds F1 of spotting {found}, by hand {F1_SPOTTING}")
        print(f"melib score: F1 of spotting {found:.4f}", flush=True)
        stranger.must("melib", "render", "default", "--people", 1, "--videos", 1, "--frames", 60, "--out", "faces")
        (film,) = (stranger.folder / "faces").glob("*/*/color")
        bare = stranger.run("melib", "spot", film, "--fps", 30, "--out", "bare")
        refused = bare.returncode == 2 and bare.stderr.count("\n") == 1 and "[faces]" in bare.stderr
        demand(refused, f"without the extra, melib spot ends with {bare.returncode} and says {bare.stderr!r}")
        print(f"without the extra: {bare.stderr.strip()}", flush=True)
        stranger.must(*INSTALL, f"melib[faces] @ {wheel.as_uri()}")
        print(f"melib spot: {stranger.must('melib', 'spot', film, '--fps', 30, '--out', 'found').strip()}", flush=True)
        lacking = [name for name in REPORT if not (stranger.folder / "found" / name).is_file()]
        demand(not lacking, f"melib spot wrote no {', '.join(lacking)}")
        for made in wheel.parent.iterdir() if keep is not None else ():
            shutil.copy2(made, keep)
    return 0


def main() -> int:
    """The command line; one message if something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="copy both distributions into this folder")
    keep = parser.parse_args().keep
    try:
        return in_one_line("tools/try_wheel.py", lambda: attempt(keep))
    except (RuntimeError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
