"""Let Snakemake make the book, after clearing the lock of an engine that was killed.

    python tools/build_book.py TIER [TARGET]

TARGET is a rule of the Snakefile: book (the default), or records for the records of a tier alone. CORES limits the
processes, one thread each; without it they are as many as the machine has cores.

Snakemake locks the folder it works in and, when it is killed, leaves the lock behind: the next call then refuses to
start. Here the lock is cleared, but only if no engine is at work in this folder.
"""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import psutil

from melib.errors import in_one_line
from melib.study import places, records
from melib.study.settings import tier_sizes


def engines(folder: Path) -> list[int]:
    """Process ids of the Snakemake engines that work in a folder, jobs they started included."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        # The program is the first or, behind "python" or "python -m", the second or third word.
        named = any(Path(word).name == "snakemake" for word in words[:3])
        if named and process.info["cwd"] and Path(process.info["cwd"]) == folder:
            found.append(process.info["pid"])
    return found


def main(tier: str, target: str = "book") -> int:
    """Build the book, or another target, in the current folder; the exit code is Snakemake's."""
    tier_sizes(tier)
    folder = Path.cwd().resolve()
    if not (folder / "Snakefile").is_file():
        raise FileNotFoundError(f"no Snakefile in {folder}: start from the root of the checkout")
    if alive := engines(folder):
        print(f"an engine is at work in this folder (process {alive[0]}): wait for it or end it", file=sys.stderr)
        return 1
    cores = int(os.environ.get("CORES") or joblib.cpu_count())
    snakemake = [sys.executable, "-m", "snakemake", "--config", f"tier={tier}"]
    if any((folder / ".snakemake" / "locks").glob("*")):
        print("clearing the lock of an engine that was killed", flush=True)
        if code := subprocess.run([*snakemake, "--cores", "1", "--unlock", "--quiet"]).returncode:
            return code
    # A batch is done when its records are there, not when a stamp says so.
    for name, (seed, rows) in records.batches(tier).items():
        if any(not records.is_current(row, seed, places.computed()) for row in rows):
            (folder / ".cache" / "done" / tier / name).unlink(missing_ok=True)
    # Processes of one thread each; where one run fails, the others still finish.
    build = ["--cores", str(cores), "--rerun-incomplete", "--keep-going", "--quiet", "host", "progress", "rules"]
    code = subprocess.run([*snakemake, *build, "--", target]).returncode
    if code == 0 and target == "book":
        print(f"the book: {folder / '_build' / 'html' / 'index.html'}")
    return code


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(in_one_line("tools/build_book.py", lambda: main(*sys.argv[1:])))
