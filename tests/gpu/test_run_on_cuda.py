"""The comparison of a card with the processor, as far as it can be looked at without a card."""

import numpy as np
import pytest
import run_on_cuda
import torch
from flow_truth import micro_pairs

from melib.study.settings import TIERS


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_without_a_card_one_line_says_so_and_nothing_is_written(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run_on_cuda.main(["--json"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "no graphics card" in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_chain_is_the_declared_row_of_its_network_with_several_folds():
    for tier in TIERS:
        found = {name: run_on_cuda.chain_settings(name, tier) for name in run_on_cuda.CHAINS}
        assert all((s.model, s.split, s.tier) == (name.lower(), "loso", tier) for name, s in found.items())


def test_flows_of_the_same_device_are_the_same_one_that_differs_is_seen_and_the_ratio_is_right(monkeypatch):
    cpu, calls, three_pairs = torch.device("cpu"), [], micro_pairs(3, population="test", subjects=1)
    rows = run_on_cuda.compare_flows(three_pairs, (cpu, cpu))
    named = ["TV-L1 optical flow", "RGB-D scene flow", "planes O", "planes S"]
    assert [row["work"].split(", 3 pairs, ")[0] for row in rows] == named
    for row in rows:
        assert row["by"] == 0
        assert row["ratio"] == row["processor_s"] / row["card_s"] > 0

    def drifting(pairs):
        def work(device):
            calls.append(len(pairs))
            return np.full((len(pairs), 2), float(len(calls)))

        return {"TV-L1 optical flow": work}

    monkeypatch.setattr(run_on_cuda, "flows", drifting)
    (row,) = run_on_cuda.compare_flows(three_pairs, (cpu, cpu))
    assert calls == [2, 3, 2, 3], "each device warms up on two pairs before the pairs that count"
    assert row["by"] == 2
