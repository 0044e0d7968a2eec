"""The comparison of a card with the processor, as far as it can be looked at without a card."""

from __future__ import annotations

import numpy as np
import pytest
import run_on_cuda
import torch
from flow_truth import micro_pairs

from melib.study.settings import TIERS


@pytest.fixture(scope="module")
def three_pairs():
    return micro_pairs(3, population="test", subjects=1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_without_a_card_one_line_says_so_and_nothing_is_written(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run_on_cuda.main(["--json"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "no graphics card" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", run_on_cuda.CHAINS)
@pytest.mark.parametrize("tier", TIERS)
def test_a_chain_is_the_declared_row_of_its_network_with_several_folds(name, tier):
    settings = run_on_cuda.chain_settings(name, tier)
    assert (settings.model, settings.split, settings.tier) == (name.lower(), "loso", tier)


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
