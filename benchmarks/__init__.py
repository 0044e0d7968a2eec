"""Measurements of time, memory and error, ``python -m benchmarks.NAME``; some use the modules of the book's pages."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))
