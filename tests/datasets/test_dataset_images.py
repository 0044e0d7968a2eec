from __future__ import annotations

import os
import pickle
import shutil
import struct
import zlib

import cv2
import dataset_trees as trees
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melib.datasets import images
from melib.datasets.paths import inside, natural_key, subfolders
from melib.video import Camera

CAMERA = Camera(300.0, 300.0, 8.0, 6.0, 16, 12)


def numbered(folder, numbers, name="{}.png".format):
    """Lossless images whose grey value is their number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        assert cv2.imwrite(str(folder / name(number)), np.full((12, 16, 3), number, np.uint8))
    return folder


def open_video(folder, first=1, **options):
    return images.ImageVideo("s", "v", images.list_images(folder, folder), 30.0, first, **options)


def shown(video):
    return video.frames(0, video.n_frames)[:, 0, 0, 0].tolist()


def test_a_frame_is_found_by_the_number_in_its_name_and_not_by_its_place_in_the_listing(tmp_path):
    video = open_video(numbered(tmp_path / "f", [1, 2, 9, 10, 11]))
    assert video.n_frames == 11
    assert shown(video) == [1, 2, 2, 2, 2, 9, 9, 9, 9, 10, 11]
    assert video.missing == 6


def test_missing_first_frames_do_not_shift_what_follows(tmp_path):
    video = open_video(numbered(tmp_path / "f", [8, 9, 10]))
    assert shown(video) == [8] * 8 + [9, 10]
    assert video.missing == 7


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(0, 5))
def test_every_position_shows_the_nearest_file_the_earlier_of_two_equally_near(numbers, first):
    present = sorted(numbers)
    folder = images.ImageFolder("f", np.array(present), np.array([f"{n}.png" for n in present]))
    last = present[-1]
    inside_ = [n for n in present if n >= first]
    if len(inside_) < max(1, images.LEAST_PRESENT * (last - first + 1)):
        with pytest.raises(ValueError, match="stray"):
            images.ImageVideo("s", "v", folder, 30.0, first)
        return
    for position in range(last - first + 1):
        best = min(present, key=lambda n: (abs(n - first - position), n))
        assert present[folder.nearest(first + position)[0]] == best


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(1, 40), min_size=6), st.sets(st.integers(1, 40)))
def test_damaged_files_are_read_as_missing_ones_and_counted(tmp_path_factory, present, damaged):
    folder = numbered(tmp_path_factory.mktemp("v") / "f", present)
    damaged &= present
    for number in damaged:
        (folder / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    whole = present - damaged
    video = open_video(folder)
    if not whole:
        with pytest.raises(ValueError, match="no image in .* can be decoded"):
            video.frames(0, 1)
        return
    assert shown(video) == [min(whole, key=lambda n: (abs(n - p), n)) for p in range(1, max(present) + 1)]
    assert {path.name for path in video.undecodable} == {f"{number}.png" for number in damaged}


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp"])
def test_an_image_cut_short_is_damaged_and_never_half_a_picture(tmp_path, suffix):
    path = tmp_path / f"7.{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), noise)
    whole = path.read_bytes()
    for length in (0, 3, 20, len(whole) // 2, len(whole) - 40):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=f"7.{suffix} cannot be read"):
            images.read_colour(path)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_an_image_that_declares_more_pixels_than_a_camera_has_is_refused_undecoded(tmp_path, monkeypatch):
    monkeypatch.setattr(images.np, "asarray", lambda *_: pytest.fail("it was decoded"))
    for side in (9_000, 12_000, 60_000):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        body = chunk(b"IDAT", zlib.compress(bytes(1000)))
        (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b""))
        with pytest.raises(ValueError, match="1.png cannot be read"):
            images.read_image(tmp_path / "1.png")


def test_grey_palette_and_transparent_images_all_become_rgb(tmp_path):
    grey = np.arange(192, dtype=np.uint8).reshape(12, 16)
    cv2.imwrite(str(tmp_path / "1.png"), grey)
    cv2.imwrite(str(tmp_path / "2.png"), cv2.cvtColor(grey, cv2.COLOR_GRAY2BGRA))
    images.Image.fromarray(grey).convert("P").save(tmp_path / "3.png")
    for number in (1, 2, 3):
        assert (images.read_colour(tmp_path / f"{number}.png") == grey[..., None]).all()


def test_colour_is_red_first(tmp_path):
    blue_first = np.zeros((12, 16, 3), np.uint8)
    blue_first[..., 2] = 200
    cv2.imwrite(str(tmp_path / "1.png"), blue_first)
    assert images.read_colour(tmp_path / "1.png")[0, 0].tolist() == [200, 0, 0]


def test_frames_of_two_sizes_are_refused_with_the_file_named(tmp_path):
    folder = numbered(tmp_path / "f", range(1, 5))
    cv2.imwrite(str(folder / "3.png"), np.zeros((12, 18, 3), np.uint8))
    with pytest.raises(ValueError, match=r"3\.png has 18x12 pixels.*16x12"):
        open_video(folder).frames(0, 4)


def test_depth_is_metres_and_zero_stays_no_reading(tmp_path):
    folder, depth = numbered(tmp_path / "f", [1, 2, 3]), tmp_path / "d"
    depth.mkdir()
    units = np.zeros((12, 16), np.uint16)
    units[3, 4] = 40_000
    for number in (1, 3):
        cv2.imwrite(str(depth / f"{number}.png"), units)
    video = open_video(folder, depth_images=images.list_images(depth, depth), depth_scale=0.0001, camera=CAMERA)
    metres = video.depth(0, 3)
    assert metres.dtype == np.float32 and metres.shape == (3, 12, 16)
    assert metres[1, 3, 4] == pytest.approx(4.0) and (metres == 0).sum() == 3 * (12 * 16 - 1)
    assert video.missing_depth == 1 and video.missing == 0


def test_depth_on_another_grid_than_colour_is_refused(tmp_path):
    folder, depth = numbered(tmp_path / "f", [1]), tmp_path / "d"
    depth.mkdir()
    cv2.imwrite(str(depth / "1.png"), np.zeros((6, 8), np.uint16))
    video = open_video(folder, depth_images=images.list_images(depth, depth), camera=CAMERA)
    with pytest.raises(ValueError, match="depth included, must have one size"):
        video.depth(0, 1)


def test_depth_needs_a_camera(tmp_path):
    listing = images.list_images(tmp_path, numbered(tmp_path / "f", [1]))
    with pytest.raises(ValueError, match="no camera"):
        images.ImageVideo("s", "v", listing, 30.0, 1, depth_images=listing)


def test_a_video_without_depth_and_landmarks_says_so(tmp_path):
    video = open_video(numbered(tmp_path / "f", [1, 2]))
    with pytest.raises(ValueError, match="no depth"):
        video.depth(0, 1)
    with pytest.raises(ValueError, match=r"melib\.face"):
        video.landmarks(0, 1)
    with pytest.raises(IndexError):
        video.frames(1, 3)


def test_a_stray_file_of_a_far_number_does_not_make_an_endless_video(tmp_path):
    with pytest.raises(ValueError, match="remove stray files"):
        open_video(numbered(tmp_path / "f", [1, 2, 3, 250], name=lambda n: f"{n if n < 250 else 10**8}.png"))


def test_two_files_of_one_number_are_refused_and_other_files_only_counted(tmp_path):
    folder = numbered(tmp_path / "f", [1, 2])
    for name in ("Thumbs.db", ".hidden3.png", "._4.png", "notes.txt", "5 (copy).png"):
        (folder / name).write_bytes(b"")
    assert images.list_images(tmp_path, folder).others == 5
    shutil.copy(folder / "1.png", folder / "img001.png")
    with pytest.raises(ValueError, match="two frames 1"):
        images.list_images(tmp_path, folder)


def test_a_pickle_among_the_frames_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    folder = numbered(tmp_path / "f", [1, 2])
    for name in ("1.pkl", "frames.pickle", "3.png"):
        (folder / name).write_bytes(pickle.dumps(Trap()))
    assert shown(open_video(folder)) == [1, 2, 2]
    assert not (tmp_path / "sprung").exists()


def test_a_video_travels_to_another_process(tmp_path):
    video = pickle.loads(pickle.dumps(open_video(numbered(tmp_path / "f", [1, 3]))))  # noqa: S301 - made one line up
    assert shown(video) == [1, 1, 3]


@pytest.mark.parametrize("part", ["..", ".", "", " ", "/etc", "a/b", "..\\x", "C:", "x\0y"])
def test_a_cell_that_is_no_plain_name_leads_nowhere(tmp_path, part):
    with pytest.raises(ValueError, match="not a plain name"):
        inside(tmp_path, "s1", part)


def test_links_out_of_the_dataset_and_in_circles_are_refused(tmp_path):
    root, other = tmp_path / "root", tmp_path / "other"
    (root / "s1").mkdir(parents=True)
    numbered(other, [1])
    (root / "out").symlink_to(other)
    (root / "s1" / "up").symlink_to(root)
    (root / "self").symlink_to(root / "self")
    (root / "also").symlink_to(root / "s1")
    with pytest.raises(ValueError, match="leads out of"):
        inside(root, "out")
    with pytest.raises(ValueError, match="leads back"):
        inside(root, "s1", "up")
    with pytest.raises(ValueError, match="cannot be followed"):
        inside(root, "self")
    assert inside(root, "also") == (root / "s1").resolve()
    numbered(root / "v", [1, 2])
    (root / "v" / "3.png").symlink_to(other / "1.png")
    with pytest.raises(ValueError, match="leads out of"):
        images.list_images(root, root / "v")


def test_folders_come_in_natural_order(tmp_path):
    for name in ("s10", "s2", "S1", ".git"):
        (tmp_path / name).mkdir()
    assert list(subfolders(tmp_path, tmp_path)) == ["S1", "s2", "s10"]
    assert natural_key("img2") < natural_key("img010")


def test_trees_of_rendered_faces_read_back_as_what_was_rendered(tmp_path):
    trees.write_frames(tmp_path / "c", range(1, 6))
    trees.write_depth(tmp_path / "d", range(1, 6))
    video = open_video(
        tmp_path / "c", depth_images=images.list_images(tmp_path, tmp_path / "d"), camera=trees.clip().camera
    )
    wanted = trees.clip()
    assert np.abs(video.frames(0, 5).astype(int) - wanted.frames[:5]).mean() < 2
    assert np.allclose(video.depth(0, 5), wanted.depth[:5] / 1000)
