"""Checkpoints: written in the released layouts, read, refused; and our own."""

import h5py
import numpy as np
import pytest
import torch
from drawn_planes import generator, planes
from refusing import refused

from melib.models import MEAN, SFAMNet, WindowNet, load_mean, load_model, load_sfamnet, predict, save_model


def write_keras(path, model, counter, heads=("spot", "recog"), inside="", broken=None):
    """A file in Keras' layout: counted layer names, channels last, one batch normalisation for each stream."""
    layers, state = {}, {name: value.numpy() for name, value in model.state_dict().items()}

    def name(kind, number):
        return kind if number == 0 else f"{kind}_{number}"

    def convolution(number, ours):
        layers[name("conv2d", number)] = {
            "kernel": state[f"{ours}.weight"].transpose(2, 3, 1, 0),
            "bias": state[f"{ours}.bias"],
        }

    stops = np.cumsum([3, 3, 8])
    for i, (start, stop) in enumerate(zip([0, *stops], stops, strict=False)):
        convolution(counter + i, f"shared.convolutions.{i}")
        keras = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
        values = {theirs: state[f"shared.norm.{ours}"][start:stop] for theirs, ours in keras.items()}
        layers[name("batch_normalization", counter + i)] = values
    for i, head in enumerate(heads):
        ours = {"spot": "spot", "recog": "recognition"}[head]
        convolution(counter + 3 + i, f"{ours}.convolution")
        dense = state[f"{ours}.dense.weight"].T.reshape(8, 7, 7, -1).transpose(1, 2, 0, 3).reshape(392, -1)
        layers[head] = {"kernel": dense, "bias": state[f"{ours}.dense.bias"]}
    with h5py.File(path, "w") as file:
        root = file.create_group(inside) if inside else file
        for layer, values in layers.items():
            for tensor, value in values.items():
                root[f"{layer}/{layer}/{tensor}:0"] = np.full_like(value, np.nan) if layer == broken else value
        root.create_group("max_pooling2d")
    return path


@pytest.fixture
def mean():
    model = MEAN(5, generator=generator()).eval()
    with torch.no_grad():
        model.shared.norm.running_mean.uniform_(-1, 1, generator=generator(1))
        model.shared.norm.running_var.uniform_(0.5, 2, generator=generator(2))
    return model


@pytest.mark.parametrize(("counter", "inside"), [(0, ""), (8, "model_weights"), (97, "")])
def test_keras_files_are_read_whatever_the_counters_and_the_root(tmp_path, mean, counter, inside):
    read = load_mean(write_keras(tmp_path / "s1.hdf5", mean, counter, inside=inside))
    x = planes(3)
    for got, expected in zip(predict(read, x, device="cpu"), predict(mean, x, device="cpu"), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("head", ["spot", "recog"])
def test_a_head_that_is_not_in_the_file_gives_nan(tmp_path, mean, head):
    spot, logits = predict(load_mean(write_keras(tmp_path / "a", mean, 0, heads=[head])), planes(2), device="cpu")
    assert len(spot) == len(logits) == 2 and (head == "spot" or logits.shape == (2, 5))
    for values, name in ((spot, "spot"), (logits, "recog")):
        assert np.isfinite(values).all() if name == head else np.isnan(values).all()


def test_weights_that_are_not_finite_are_refused_by_name(tmp_path, mean):
    path = write_keras(tmp_path / "s1.hdf5", mean, 0, broken="conv2d_3")
    refused("2 of 26 tensors: conv2d_3/bias, conv2d_3/kernel; allow_nonfinite", load_mean, path, kind=ValueError)
    assert np.isnan(predict(load_mean(path, allow_nonfinite=True), planes(1), device="cpu")[0]).all()


def test_files_that_are_something_else_are_refused(tmp_path):
    (tmp_path / "text").write_text("words")
    for load in (load_mean, load_sfamnet, load_model):
        refused("no checkpoint", load, tmp_path / "nothing", kind=FileNotFoundError)
        refused("text", load, tmp_path / "text", kind=ValueError)
    for name, message in (("dense/kernel:0", "not a MEAN checkpoint.*dense"), ("weights", "not a MEAN checkpoint")):
        with h5py.File(tmp_path / "other.hdf5", "w") as file:
            file[name] = np.zeros(3)
        refused(message, load_mean, tmp_path / "other.hdf5", kind=ValueError)
    torch.save({"fc_recog.bias": torch.zeros(5)}, tmp_path / "other.pkl")
    refused(r"missing or unknown: c1.0.bn1.bias, .* and \d+ more$", load_sfamnet, tmp_path / "other.pkl")


@pytest.mark.parametrize("held", [torch.zeros(5), {"epoch": 3}, MEAN(3)])
def test_a_pickle_of_something_else_is_refused_in_our_own_words(tmp_path, held):
    torch.save(held, tmp_path / "other.pkl")
    with pytest.raises(ValueError, match="holds no tensors by name|holds more than tensors") as refused:
        load_sfamnet(tmp_path / "other.pkl")
    assert "weights_only" not in str(refused.value), "no advice to run what the file holds"


@pytest.mark.parametrize(
    "model",
    [MEAN(3), MEAN(3, transfer=False), SFAMNet(5), SFAMNet(5, attention=False), WindowNet(4, kinds=3, context=False)],
    ids=["mean", "mean without transfer", "sfamnet", "sfamnet without attention", "window"],
)
def test_our_checkpoints_come_back_bit_for_bit_with_their_metadata(tmp_path, model):
    path = tmp_path / "fold.safetensors"
    save_model(model, path, subject="s03", seed="7")
    read, metadata = load_model(path)
    assert metadata == {"subject": "s03", "seed": "7"}
    assert type(read) is type(model) and not read.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, read.state_dict()[name]), name
    assert [entry.name for entry in tmp_path.iterdir()] == ["fold.safetensors"], "nothing temporary is left"
    name, weight = next(read.named_parameters())
    torch.nn.init.constant_(weight, np.inf)
    save_model(read, path)
    refused(name, load_model, path, kind=ValueError)
    load_model(path, allow_nonfinite=True)
