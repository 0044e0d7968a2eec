"""The folder of reference artefacts, which MELIB_REFERENCE names; without it the tests that need it are skipped."""

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("MELIB_REFERENCE") or "no-reference")

REASON = "MELIB_REFERENCE names no folder of reference artefacts"
needs_reference = pytest.mark.skipif(not os.environ.get("MELIB_REFERENCE"), reason=REASON)


def golden(pattern: str) -> list[Path]:
    """The recorded cases of the released code whose names fit a pattern."""
    return sorted((ROOT / "golden").glob(pattern))
