import numpy as np
import pytest

from melib.synthetic.head import load_head
from melib.synthetic.identity import make_subject

STILL = {"rotation": (0.0, 0.0, 0.0), "translation": (0.0, 0.0, 0.0), "gaze": (0.0, 0.0)}


@pytest.fixture(scope="session")
def subject():
    return make_subject(7)


@pytest.fixture(scope="session")
def weights():
    """Action-unit weights by name: ``weights("45L", "45R")`` or ``weights(**{"12L": 0.3})``."""

    def make(*full, **some):
        asked = dict.fromkeys(full, 1.0) | some
        return np.array([asked.get(name, 0.0) for name in load_head().action_units])

    return make


@pytest.fixture(scope="session")
def pose(weights):
    """Points of a subject: ``pose(subject, weights(...), rotation=...)``, still where nothing is said."""

    def make(subject, units=None, **motion):
        return subject.points(weights() if units is None else units, **(STILL | motion))

    return make
