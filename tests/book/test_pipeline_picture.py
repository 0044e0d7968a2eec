"""The drawing of the chain in the introduction is the one that the code draws."""

from pathlib import Path

import make_pipeline


def test_the_picture_is_the_one_that_is_drawn_and_shows_the_chain_in_its_order(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    assert make_pipeline.main(["--check"]) == 0, "run python tools/make_pipeline.py"
    titles = "long video, two frames, motion, three planes, network, score, intervals, names, truth, STRS".split(", ")
    assert [title for title, _ in make_pipeline.STAGES] == titles
