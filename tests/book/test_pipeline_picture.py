"""The drawing of the chain in the introduction is the one that the code draws."""

from __future__ import annotations

from pathlib import Path

import make_pipeline

from melib.plots.pipeline import pipeline

ROOT = Path(__file__).parents[2]


def test_the_picture_is_the_one_that_is_drawn(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert make_pipeline.main(["--check"]) == 0, "run python tools/make_pipeline.py"


def test_a_changed_picture_is_stale_until_it_is_drawn_again(monkeypatch, tmp_path):
    (tmp_path / make_pipeline.PICTURE.parent).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert make_pipeline.main([]) == 0
    make_pipeline.PICTURE.write_text(
        make_pipeline.PICTURE.read_text(encoding="utf-8").replace("#0072b2", "#ff0000"), encoding="utf-8"
    )
    assert make_pipeline.main(["--check"]) == 1
    assert make_pipeline.main([]) == 0
    assert make_pipeline.main(["--check"]) == 0


def test_the_stages_stand_in_the_order_of_the_chain():
    axis = pipeline().axes[0]
    bold = [text for text in axis.texts if text.get_weight() == "bold"]
    ordered = sorted(bold, key=lambda text: (-text.get_position()[1], text.get_position()[0]))
    assert [text.get_text() for text in ordered] == [
        *("long video", "two frames", "motion", "three planes", "network"),
        *("score", "intervals", "names", "truth", "STRS"),
    ]
