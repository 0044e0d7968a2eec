"""What a flow refuses, and that it says why."""

import numpy as np
import pytest
import torch

from melib.flow import optical_flow
from tests.flow.scenes import shifted_pair

A, B = shifted_pair()


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (A, B[:, :-1], "differ in shape"),
        (A, B.astype(np.float32), "differ in type"),
        (A.astype(np.int32), B.astype(np.int32), "type int32"),
        (A[None, None], B[None, None], "grey"),
        (np.repeat(A[..., None], 3, -1), np.repeat(B[..., None], 3, -1), "grey"),
        (A[:15], B[:15], "too small"),
        (A[None][:0], B[None][:0], "no images"),
        (A / np.float32(255), B / np.float32(255), "multiply by 255"),
        (A * np.float32(2), B * np.float32(2), "0..255"),
        (A - np.float32(128), B - np.float32(128), "0..255"),
        (A.tolist(), B.tolist(), "NumPy array"),
        (torch.from_numpy(A), B, "all of a kind"),
    ],
)
@pytest.mark.parametrize("method", ["dis", "farneback"])
def test_images_that_cannot_be_compared_are_refused_with_the_reason(a, b, message, method):
    with pytest.raises(ValueError, match=message):
        optical_flow(a, b, method=method)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(bad):
    a = A.astype(np.float32)
    a[3, 4] = bad
    with pytest.raises(ValueError, match="image a holds NaN or infinity"):
        optical_flow(a, B.astype(np.float32), method="dis")
    with pytest.raises(ValueError, match="image b holds NaN or infinity"):
        optical_flow(B.astype(np.float32), a, method="dis")


def test_black_and_flat_floating_images_are_not_taken_for_a_wrong_scale():
    for level in (0.0, 1.0, 200.0):
        flat = np.full((20, 20), level, np.float32)
        assert np.abs(optical_flow(flat, flat, method="dis")).max() == 0


def test_unknown_methods_and_parameters_are_refused():
    with pytest.raises(ValueError, match="unknown flow method 'raft'"):
        optical_flow(A, B, method="raft")
    with pytest.raises(TypeError, match="patch_sise"):
        optical_flow(A, B, method="dis", patch_sise=4)
    with pytest.raises(ValueError, match="tensor.cpu"):
        optical_flow(torch.from_numpy(A), torch.from_numpy(B), method="dis")
