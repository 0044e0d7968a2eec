"""A data set that can be learnt: emotions are movements of different regions, on noise."""

import numpy as np
import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def toy():
    """Planes with noise everywhere and, in every second sample, a movement whose plane depends on the class."""

    def make(n, seed, classes=3):
        rng = np.random.default_rng(seed)
        planes = rng.normal(0, 0.03, (n, 3, 42, 42)).astype(np.float32)
        targets, labels = (np.arange(n) % 2).astype(np.float32), rng.integers(0, classes, n)
        for i in np.flatnonzero(targets):
            row, column = rng.integers(12, 18, 2)
            planes[i, labels[i], row : row + 10, column : column + 10] += 0.8
        return planes, targets, labels

    return make
