"""The small checkout of the tests of the study."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_SPEC = spec_from_file_location("study_fixtures", Path(__file__).parents[1] / "study" / "conftest.py")
_STUDY = module_from_spec(_SPEC)
_SPEC.loader.exec_module(_STUDY)
checkout = _STUDY.checkout
