"""The comparison of a card with the processor, as far as it can be looked at without a card."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import run_on_cuda
import torch

from melib import study
from melib.study.flow_truth import micro_pairs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def three_pairs():
    return micro_pairs(3, population="test", subjects=1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_without_a_card_one_line_says_so_and_nothing_is_written(monkeypatch, capsys, tmp_path):
    path = tmp_path / "speed.json"
    monkeypatch.setattr(sys, "argv", ["run_on_cuda.py", "--json", str(path)])
    assert run_on_cuda.main() == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "no graphics card" in said.err
    assert not path.exists()


@pytest.mark.parametrize("name", run_on_cuda.CHAINS)
@pytest.mark.parametrize("tier", study.TIERS)
def test_a_chain_is_the_declared_row_of_its_network_with_several_folds(name, tier):
    parameters = run_on_cuda.chain_parameters(name, tier)
    assert parameters.model == name.lower() and parameters.split == "loso" and parameters.tier == tier


def test_flows_of_the_same_device_are_the_same_and_the_ratio_is_that_of_the_seconds(three_pairs):
    cpu = torch.device("cpu")
    rows = run_on_cuda.compare_flows(three_pairs, (cpu, cpu))
    assert [row["work"] for row in rows] == ["TV-L1 optical flow, 3 pairs", "RGB-D scene flow, 3 pairs"]
    for row in rows:
        assert row["by"] == 0
        assert row["ratio"] == row["processor_s"] / row["card_s"] > 0


def test_a_flow_that_differs_is_seen(three_pairs, monkeypatch):
    cpu = torch.device("cpu")
    calls = []

    def drifting(pairs):
        def work(device):
            calls.append(len(pairs))
            return np.full((len(pairs), 2), float(len(calls)))

        return {"TV-L1 optical flow": work}

    monkeypatch.setattr(run_on_cuda, "flows", drifting)
    (row,) = run_on_cuda.compare_flows(three_pairs, (cpu, cpu))
    assert calls == [2, 3, 2, 3], "each device warms up on two pairs before the pairs that count"
    assert row["by"] == 2
