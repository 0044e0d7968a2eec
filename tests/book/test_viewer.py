"""The viewer of a clip: what Python measures, and what the page makes of it in a browser."""

import base64
import json
import re
from pathlib import Path

import cv2
import frame_viewer as viewer
import numpy as np
import pytest
from playwright.sync_api import Page
from reading import reader, write_page

from melib.plots.motion import flow_colours
from melib.synthetic.dataset import open_clips

BEFORE, FRAMES, GAP = 4, 16, 3


@pytest.fixture(scope="module")
def clip() -> viewer.Clip:
    videos = open_clips("default", subjects=3, clips=3, population="test").videos
    video, event = max(((v, e) for v in videos for e in v.events), key=lambda pair: pair[1].amplitude_mm)
    return viewer.make_clip(video, event, before=BEFORE, frames=FRAMES, gap=GAP)


@pytest.fixture(scope="module")
def markup(clip: viewer.Clip) -> str:
    return viewer.markup(clip, alt='Frames of a "face".', assets="../_static")


def test_the_estimate_follows_the_truth_from_the_onset_and_the_page_gets_it_to_half_a_step(clip, markup):
    apex = clip.event.true.apex - clip.start
    true, estimated = clip.motion["true"], clip.motion["estimated"]
    assert clip.interval == (BEFORE, BEFORE + clip.event.true.length - 1)
    assert np.abs(true[BEFORE]).max() < 1e-3 and np.abs(estimated[BEFORE]).max() < 1e-3
    moving = np.linalg.norm(true[apex], axis=0) > 0.5
    assert moving.sum() > 20
    error = np.linalg.norm(estimated[apex] - true[apex], axis=0)[moving].mean()
    assert error < 0.5 * np.linalg.norm(true[apex], axis=0)[moving].mean()
    onset, offset = clip.interval
    assert clip.score.shape == (FRAMES,)
    assert clip.score[onset : onset + 2].max() > 2 * clip.score[offset + 1 :].max(), "a pair that spans the rise"
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', markup).group(1))
    for name, motion in clip.motion.items():
        sent = np.frombuffer(base64.b64decode(data["motion"][name]), np.int8).reshape(motion.shape) * data["step"]
        fits = np.abs(motion) < 127 * data["step"]
        assert np.abs(sent - motion)[fits].max() <= data["step"] / 2 + 1e-6
    assert (data["onset"], data["offset"]) == clip.interval
    assert 'alt="Frames of a &quot;face&quot;."' in markup
    assert len(markup) < 1_000_000 * FRAMES / 48
    assert "http" not in markup.replace("http://www.w3.org", "")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, markup: str) -> Path:
    return write_page(tmp_path_factory.mktemp("viewer"), markup)


@pytest.fixture
def page(page: Page) -> Page:
    page.wait_for_selector(".mev-on")
    return page


def view(page: Page, name: str) -> np.ndarray:
    """The pixels of one of the four pictures."""
    address = page.eval_on_selector(f'canvas[aria-label="{name}"]', "canvas => canvas.toDataURL('image/png')")
    coded = np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8)
    return cv2.cvtColor(cv2.imdecode(coded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def at(page: Page, frame: int, times: int = 1) -> None:
    page.locator("#mev-0-frame").fill(str(frame))
    page.locator("#mev-0-factor").fill(str(times))


def sent_motion(clip: viewer.Clip, frame: int, name: str = "estimated") -> np.ndarray:
    """The motion that the page has, at every pixel: ``(2, H, W)``."""
    steps = np.clip(np.rint(clip.motion[name][frame] / viewer.STEP_PX), -127, 127) * viewer.STEP_PX
    size = clip.colour.shape[2], clip.colour.shape[1]
    return np.stack([cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in steps.astype(np.float32)])


@pytest.mark.browser
def test_the_pictures_are_those_of_the_frame_and_motion_has_the_colours_of_the_other_figures(page, clip):
    for frame in (0, FRAMES - 1):
        at(page, frame)
        shown = view(page, "As filmed").astype(int)
        difference = np.abs(shown - clip.colour[frame]).mean(axis=(0, 1))
        assert difference.max() < 4, "only what the compression changed"
        assert difference.mean() < np.abs(shown - clip.colour[(frame + 7) % FRAMES]).mean()
    apex = clip.event.true.apex - clip.start
    at(page, apex)
    for name in ("estimated", "true"):
        page.locator("#mev-0-source").select_option(name)
        drawn = view(page, "Motion since the onset")
        assert np.abs(drawn - flow_colours(sent_motion(clip, apex, name), 2.0) * 255).max() < 3
        assert (drawn < 200).any(), "something moves"


@pytest.mark.browser
def test_enlarged_motion_is_the_frame_warped_by_its_motion(page, clip):
    apex = clip.event.true.apex - clip.start
    for times in (1, 8):
        at(page, apex, times)
        filmed = view(page, "As filmed")
        height, width = filmed.shape[:2]
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        right, down = (times - 1) * sent_motion(clip, apex)
        wanted = cv2.remap(filmed, x - right, y - down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        difference = np.abs(view(page, "Motion enlarged").astype(int) - wanted)
        assert np.quantile(difference, 0.99) <= 2
        assert (np.abs(wanted.astype(int) - filmed).max() > 40) == (times > 1)


@pytest.mark.browser
def test_the_keyboard_scrubs_and_plays_and_the_words_follow(page, clip):
    onset, _ = clip.interval
    slider, told = page.locator("#mev-0-frame"), page.locator(".mev-told")
    slider.focus()
    page.keyboard.press("Home")
    assert told.inner_text().startswith("Frame 0,") and "no micro-expression" in told.inner_text()
    for _ in range(onset):
        page.keyboard.press("ArrowRight")
    assert "micro-expression, onset" in told.inner_text()
    assert f"Score {clip.score[onset]:.2f} px" in told.inner_text()
    assert slider.get_attribute("aria-valuetext") == told.inner_text()
    page.locator("#mev-0-speed").select_option("full speed")
    play = page.locator(".mev-controls button")
    play.press("Enter")
    page.wait_for_function("document.querySelector('.mev-controls button').textContent === 'Play'", timeout=10_000)
    assert told.inner_text().startswith(f"Frame {FRAMES - 1},") and "no micro-expression" in told.inner_text()
    page.locator("#mev-0-speed").select_option("a tenth")
    for state in ("Pause", "Play"):
        play.press("Enter")
        assert play.inner_text() == state


@pytest.mark.browser
def test_without_a_script_the_frames_and_the_score_are_there(browser, written):
    with reader(browser, script=False) as (page, _):
        page.goto(written.as_uri())
        sheet = page.get_by_role("img", name='Frames of a "face".')
        assert sheet.is_visible() and sheet.bounding_box()["width"] > 300
        assert page.locator(".mev-curve").is_visible()
