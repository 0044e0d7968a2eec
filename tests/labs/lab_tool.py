"""tools/make_labs.py as a module, and the labs of the repository."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_specification = importlib.util.spec_from_file_location("make_labs", ROOT / "tools" / "make_labs.py")
TOOL = importlib.util.module_from_spec(_specification)
sys.modules["make_labs"] = TOOL  # dataclasses look their module up by its name
_specification.loader.exec_module(TOOL)

SOURCES = sorted((ROOT / "labs").glob("*.md"))
