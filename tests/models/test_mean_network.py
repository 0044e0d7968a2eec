"""MEAN: the network of the paper, counted, compared with plain arithmetic, and run."""

import numpy as np
import pytest
import torch
from drawn_planes import generator, planes

from melib.models import MEAN, SFAMNet, WindowNet, choose_device, predict, score_frames


def test_parameter_count_is_that_of_the_released_graph():
    # Streams 5*5*1*n + n for n = 3, 3, 8; batch norm 2*14; a head conv 5*5*14*8 + 8; dense 392*outputs + outputs.
    shared, convolution = 78 + 78 + 208 + 28, 2808
    for classes in (3, 5):
        model = MEAN(classes)
        expected = shared + 2 * convolution + 393 + 393 * classes
        assert sum(p.numel() for p in model.parameters()) == expected
    assert expected == 8366


def test_forward_equals_plain_arithmetic():
    model = MEAN(3, generator=generator()).double().eval()
    with torch.no_grad():
        model.shared.norm.running_mean.uniform_(-0.1, 0.1, generator=generator(1))
        model.shared.norm.running_var.uniform_(0.5, 2, generator=generator(2))
    x = planes(1)[0].astype(np.float64)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}

    def correlate(plane, kernel):
        padded, (height, width) = np.pad(plane, 2), plane.shape
        return sum(kernel[i, j] * padded[i : i + height, j : j + width] for i in range(5) for j in range(5))

    def pool(plane, size):
        return plane.reshape(plane.shape[0] // size, size, -1, size).max((1, 3))

    maps = []
    for stream, filters in enumerate((3, 3, 8)):
        for f in range(filters):
            kernel = weights[f"shared.convolutions.{stream}.weight"][f, 0]
            out = np.maximum(correlate(x[stream], kernel) + weights[f"shared.convolutions.{stream}.bias"][f], 0)
            c = len(maps)
            scale = weights["shared.norm.weight"][c] / np.sqrt(weights["shared.norm.running_var"][c] + 1e-3)
            centred = out - weights["shared.norm.running_mean"][c]
            maps.append(pool(centred * scale + weights["shared.norm.bias"][c], 3))
    for head, got in zip(("spot", "recognition"), model(torch.from_numpy(x[None])), strict=True):
        kernels, bias = weights[f"{head}.convolution.weight"], weights[f"{head}.convolution.bias"]
        flat = [
            pool(np.maximum(sum(correlate(m, k) for m, k in zip(maps, kernel, strict=True)) + b, 0), 2).ravel()
            for kernel, b in zip(kernels, bias, strict=True)
        ]
        expected = weights[f"{head}.dense.weight"] @ np.concatenate(flat) + weights[f"{head}.dense.bias"]
        np.testing.assert_allclose(got.detach().numpy().ravel(), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("network", "name", "bound"),
    [
        (MEAN, "spot.convolution.weight", (6 / (25 * 14 + 25 * 8)) ** 0.5),  # Glorot's
        (SFAMNet, "recognition.dense.weight", 392**-0.5),
        (SFAMNet, "streams.conv2.weight", 75**-0.5),
        (WindowNet, "look.weight", 588**-0.5),
    ],
)
def test_initial_weights_are_uniform_within_their_bound_and_follow_the_generator(network, name, bound):
    weight, same, other = (network(5, generator=generator(seed)).get_parameter(name).detach() for seed in (0, 0, 1))
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
    assert torch.equal(weight, same) and not torch.equal(weight, other)
    assert MEAN(3).spot.convolution.bias.abs().max() == 0


def test_dropout_masks_keep_the_published_shares_and_the_expectation():
    for mask, rate in zip(MEAN.dropout_masks(200, generator()), (0.3, 0.2, 0.2), strict=True):
        assert (mask == 0).float().mean().item() == pytest.approx(rate, abs=0.01)
        assert mask.mean().item() == pytest.approx(1, abs=0.01)


def test_without_transfer_the_recognition_branch_does_not_depend_on_the_shared_module():
    model = MEAN(3, transfer=False).eval()
    x = torch.from_numpy(planes(2))
    before = model(x)
    with torch.no_grad():
        for parameter in model.shared.parameters():
            parameter.zero_()
    after = model(x)
    assert torch.equal(before[1], after[1]) and not torch.equal(before[0], after[0])


def test_predict_is_the_forward_pass_in_evaluation_mode_whatever_the_batch():
    model = MEAN(3)
    x = planes(7)
    spot, logits = predict(model, x, device="cpu", batch=3)
    assert model.training, "the mode is left as found"
    with torch.no_grad():
        expected = model.eval()(torch.from_numpy(x))
    np.testing.assert_allclose(spot, expected[0], atol=1e-5)
    np.testing.assert_allclose(logits, expected[1], atol=1e-5)
    assert spot.shape == (7,) and logits.shape == (7, 3) and spot.dtype == logits.dtype == np.float32
    spot, logits = predict(model, x[:0], device="cpu")
    assert spot.shape == (0,) and logits.shape == (0, 3)


def test_wrong_planes_classes_and_devices_are_refused():
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for call, message in (
        (lambda: predict(MEAN(3), np.zeros((2, 42, 42, 3))), r"\(N, 3, 42, 42\).*\(2, 42, 42, 3\)"),
        (lambda: MEAN(1), "at least 2 classes"),
        (lambda: SFAMNet(1), "at least one emotion"),
        (lambda: WindowNet(1), "at least 2 emotions"),
        (lambda: WindowNet(4, kinds=1), "2 or 3 kinds"),
        (lambda: score_frames(WindowNet(4), np.zeros((2, 3, 14, 14))), r"\(N, 3, 42, 42\).*\(2, 3, 14, 14\)"),
        (lambda: choose_device("cuda:99"), "use cpu or auto"),
        (lambda: choose_device("fast"), "unknown device 'fast'"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
