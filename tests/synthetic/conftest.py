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
    names = load_head().action_units

    def make(*full, **some):
        out = np.zeros(len(names))
        for name, value in (dict.fromkeys(full, 1.0) | some).items():
            out[names.index(name)] = value
        return out

    return make


@pytest.fixture(scope="session")
def pose(weights):
    """Points of a subject: ``pose(subject, weights(...), rotation=...)``, still where nothing is said."""

    def make(subject, units=None, **motion):
        return subject.points(weights() if units is None else units, **(STILL | motion))

    return make
