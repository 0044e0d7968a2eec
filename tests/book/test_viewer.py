"""The viewer of a clip: what Python measures, and what the page makes of it in a browser."""

from __future__ import annotations

import base64
import json
import re

import cv2
import numpy as np
import pytest
from alone import open_page, write_page

from melib.plots import viewer
from melib.plots.motion import flow_colours
from melib.synthetic.dataset import open_clips

BEFORE, FRAMES, GAP = 4, 16, 3


@pytest.fixture(scope="module")
def clip():
    videos = open_clips("default", subjects=3, clips=3, population="test").videos
    video, event = max(((v, e) for v in videos for e in v.events), key=lambda pair: pair[1].amplitude_mm)
    return viewer.make_clip(video, event, before=BEFORE, frames=FRAMES, gap=GAP)


@pytest.fixture(scope="module")
def markup(clip):
    return viewer.markup(clip, alt='Frames of a "face".', assets="../_static")


@pytest.fixture
def page(browser, tmp_path, markup):
    page, said = open_page(browser, write_page(tmp_path, "viewer", markup))
    page.wait_for_selector(".mev-on")
    yield page
    page.close()
    assert said == []


def test_motion_begins_at_the_onset_its_estimate_follows_the_truth_and_the_score_sees_the_rise(clip):
    onset, offset = clip.interval
    assert (onset, offset) == (BEFORE, BEFORE + clip.event.true.length - 1)
    true, estimated = (clip.motion[name][clip.event.true.apex - clip.start] for name in ("true", "estimated"))
    assert all(np.abs(motion[BEFORE]).max() < 1e-3 for motion in clip.motion.values())
    lengths = np.linalg.norm(true, axis=0)
    assert (moving := lengths > 0.5).sum() > 20
    assert np.linalg.norm(estimated - true, axis=0)[moving].mean() < 0.5 * lengths[moving].mean()
    assert clip.score.shape == (FRAMES,)
    assert clip.score[onset : onset + 2].max() > 2 * clip.score[offset + 1 :].max()
    with pytest.raises(IndexError, match="frames -1"):
        viewer.make_clip(clip.video, clip.event, before=clip.event.true.onset + 1, frames=FRAMES, gap=GAP)


def test_the_page_gets_the_motion_to_half_a_step_and_escaped_words_and_stays_small(clip, markup):
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', markup).group(1))
    for name, motion in clip.motion.items():
        sent = np.frombuffer(base64.b64decode(data["motion"][name]), np.int8).reshape(motion.shape) * data["step"]
        fits = np.abs(motion) < 127 * data["step"]
        assert np.abs(sent - motion)[fits].max() <= data["step"] / 2 + 1e-6
    assert (data["onset"], data["offset"]) == clip.interval
    assert 'alt="Frames of a &quot;face&quot;."' in markup
    assert len(markup) < 1_000_000 * FRAMES / 48
    assert "http" not in markup.replace("http://www.w3.org", "")


def view(page, name):
    """The pixels of one of the four pictures."""
    address = page.eval_on_selector(f'canvas[aria-label="{name}"]', "canvas => canvas.toDataURL('image/png')")
    coded = np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8)
    return cv2.cvtColor(cv2.imdecode(coded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(int)


def sent_motion(clip, frame, name):
    """The motion that the page has, at every pixel: ``(2, H, W)``."""
    steps = np.clip(np.rint(clip.motion[name][frame] / viewer.STEP_PX), -127, 127) * viewer.STEP_PX
    return np.stack([cv2.resize(part, clip.colour.shape[2:0:-1]) for part in steps.astype(np.float32)])


@pytest.mark.browser
def test_the_pictures_are_the_frame_its_motion_in_the_book_s_colours_and_the_frame_warped_by_it(page, clip):
    for frame in (0, FRAMES - 1):
        page.locator("#mev-0-frame").fill(str(frame))
        filmed = view(page, "As filmed")
        difference = np.abs(filmed - clip.colour[frame]).mean(axis=(0, 1))
        assert difference.max() < 4, "only what the compression changed"
        assert difference.mean() < np.abs(filmed - clip.colour[(frame + 7) % FRAMES]).mean()
    apex = clip.event.true.apex - clip.start
    page.locator("#mev-0-frame").fill(str(apex))
    for times in (1, 8):
        page.locator("#mev-0-factor").fill(str(times))
        filmed = view(page, "As filmed")
        y, x = np.indices(filmed.shape[:2], np.float32)
        right, down = (times - 1) * sent_motion(clip, apex, "estimated")
        how = {"interpolation": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
        wanted = cv2.remap(filmed.astype(np.uint8), x - right, y - down, **how).astype(int)
        assert np.quantile(np.abs(view(page, "Motion enlarged") - wanted), 0.99) <= 2
        assert (np.abs(wanted - filmed).max() > 40) == (times > 1)
    for source in ("estimated", "true"):
        page.locator("#mev-0-source").select_option(source)
        drawn = view(page, "Motion since the onset")
        assert np.abs(drawn - flow_colours(sent_motion(clip, apex, source), 2.0) * 255).max() < 3
        assert (drawn < 200).any(), "something moves"


@pytest.mark.browser
def test_the_keyboard_scrubs_and_plays_and_the_words_follow(page, clip):
    onset, told = clip.interval[0], page.locator(".mev-told")
    page.locator("#mev-0-frame").focus()
    page.keyboard.press("Home")
    assert told.inner_text().startswith("Frame 0,") and "no micro-expression" in told.inner_text()
    for _ in range(onset):
        page.keyboard.press("ArrowRight")
    assert "micro-expression, onset" in told.inner_text()
    assert f"Score {clip.score[onset]:.2f} px" in told.inner_text()
    assert page.locator("#mev-0-frame").get_attribute("aria-valuetext") == told.inner_text()
    page.locator("#mev-0-speed").select_option("full speed")
    play = page.locator(".mev-controls button")
    play.press("Enter")
    page.wait_for_function("document.querySelector('.mev-controls button').textContent === 'Play'", timeout=10_000)
    assert told.inner_text().startswith(f"Frame {FRAMES - 1},") and "no micro-expression" in told.inner_text()
    page.locator("#mev-0-speed").select_option("a tenth")
    for shown in ("Pause", "Play"):
        play.press("Enter")
        assert play.inner_text() == shown


@pytest.mark.browser
def test_without_a_script_the_frames_and_the_score_are_there(browser, tmp_path, markup):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(write_page(tmp_path, "viewer", markup).as_uri())
    sheet = page.get_by_role("img", name='Frames of a "face".')
    assert sheet.is_visible() and sheet.bounding_box()["width"] > 300
    assert page.locator(".mev-curve").is_visible()
    context.close()
