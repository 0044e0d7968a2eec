"""Motion between two frames: optical flow, RGB-D scene flow, strain, and the removal of head motion.

Arrays in, arrays out, a batch at a time. ``flow(a, b)`` lives on the grid of ``a`` and tells where its pixels go in
``b``: ``(B, 2, H, W)`` float32 pixels, channels (right, down). Scene flow is ``(B, 3, H, W)`` float32 metres in camera
axes, channels (right, down, away). PyTorch is imported only by the methods written in it: DIS alone stays light.
"""

from __future__ import annotations

from melib.errors import InputError
from melib.flow.dis import dis, farneback
from melib.flow.images import check_pair, fill_nearest, is_tensor, library_of
from melib.flow.rigid import fit_rigid, generic_face, rigid_motion
from melib.flow.stabilize import MODES, face_mask, stabilize
from melib.flow.strain import fixed_scale, min_max, strain

__all__ = ["METHODS", "MODES", "dis", "face_mask", "farneback", "fill_nearest", "fit_rigid", "fixed_scale"]
__all__ += ["generic_face", "library_of", "min_max", "optical_flow", "rigid_motion", "scene_flow", "stabilize"]
__all__ += ["strain"]

#: The methods of :func:`optical_flow`.
METHODS = ("tvl1", "dis", "farneback")


def __getattr__(name: str):
    if name in ("scene_flow", "tensor_of"):  # bring PyTorch with them
        from melib.flow import scene

        return getattr(scene, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def optical_flow(a, b, *, method: str = "tvl1", **parameters):
    """Optical flow from images ``a`` to images ``b``: ``(B, 2, H, W)`` float32 pixels (right, down).

    Grey images ``(B, H, W)`` have at least 16 pixels a side, uint8, or floating point in 0..255; of one pair ``(H, W)``
    the flow is ``(2, H, W)``. ``tvl1`` is the method of the published networks (:func:`melib.flow.tvl1.tvl1`) and takes
    tensors too, on whose device it computes; ``dis`` is the fastest and, on the benchmark, the most accurate,
    ``farneback`` a classical floor (:mod:`melib.flow.dis`). ``parameters`` are those of the method's own function.

    An unknown method, a parameter out of range, and images that differ, are too small, hold NaN, or lie outside 0..255
    (or all within 0..1, which would be a mistaken scale) raise ValueError.
    """
    if method not in METHODS:
        raise InputError(f"unknown flow method {method!r}: use one of {', '.join(METHODS)}")
    check_pair(a, b)
    if method != "tvl1" and is_tensor(a):
        raise InputError(f"method {method!r} works on NumPy arrays: pass tensor.cpu().numpy(), or use method='tvl1'")
    single = a.ndim == 2
    if single:
        a, b = a[None], b[None]
    if method == "tvl1":
        from melib.flow.grids import tensor_of
        from melib.flow.tvl1 import tvl1

        flow = tvl1(a, b, **parameters) if is_tensor(a) else tvl1(tensor_of(a), tensor_of(b), **parameters).numpy()
    else:
        flow = {"dis": dis, "farneback": farneback}[method](a, b, **parameters)
    return flow[0] if single else flow
