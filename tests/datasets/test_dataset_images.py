import pickle
import shutil

import cv2
import dataset_trees as trees
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melib.datasets import images
from melib.datasets.paths import natural_key, subfolders
from melib.video import Camera

CAMERA = Camera(300.0, 300.0, 8.0, 6.0, 16, 12)


def numbered(folder, numbers):
    """Lossless images whose grey value is their number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        assert cv2.imwrite(str(folder / f"{number}.png"), np.full((12, 16, 3), number, np.uint8))
    return folder


def open_video(folder, **options):
    return images.ImageVideo("s", "v", images.list_images(folder, folder), 30.0, 1, **options)


def with_depth(tmp_path, units, numbers, **options):
    folder, depth = numbered(tmp_path / "f", [1, 2, 3]), tmp_path / "d"
    depth.mkdir()
    for number in numbers:
        assert cv2.imwrite(str(depth / f"{number}.png"), units)
    return open_video(folder, depth_images=images.list_images(depth, depth), camera=CAMERA, **options)


def shown(video):
    return video.frames(0, video.n_frames)[:, 0, 0, 0].tolist()


@settings(max_examples=12, deadline=None)
@given(st.sets(st.integers(1, 40), min_size=6), st.sets(st.integers(1, 40)))
def test_a_position_shows_the_nearest_file_that_can_be_decoded(tmp_path_factory, present, damaged):
    """Found by the number in its name and not by its place in the listing, the earlier of two equally near."""
    folder = numbered(tmp_path_factory.mktemp("v") / "f", present)
    damaged &= present
    for number in damaged:
        (folder / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\nnot a picture")
    whole = present - damaged
    video = open_video(folder)
    assert video.missing == max(present) - len(present)
    if not whole:
        trees.refused("no image in .* can be decoded", video.frames, 0, 1)
        return
    assert shown(video) == [min(whole, key=lambda n: (abs(n - p), n)) for p in range(1, max(present) + 1)]
    assert {path.name for path in video.undecodable} == {f"{number}.png" for number in damaged}
    # A worker process gets the video whole.
    assert shown(pickle.loads(pickle.dumps(video))) == shown(video)  # noqa: S301 - made here


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp"])
def test_an_image_cut_short_is_damaged_and_never_half_a_picture(tmp_path, suffix):
    path = tmp_path / f"7.{suffix}"
    assert cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
    whole = path.read_bytes()
    for length in (0, 3, 20, len(whole) // 2, len(whole) - 40):
        path.write_bytes(whole[:length])
        trees.refused(f"7.{suffix} cannot be read", images.read_colour, path)
    if suffix == "bmp":  # nor may it declare more pixels than fit
        path.write_bytes(whole[:18] + np.array([60_000, 60_000], "<i4").tobytes() + whole[26:])
        trees.refused("7.bmp cannot be read", images.read_colour, path)


def test_grey_palette_transparent_and_colour_images_all_become_rgb(tmp_path):
    grey = np.arange(192, dtype=np.uint8).reshape(12, 16)
    cv2.imwrite(str(tmp_path / "1.png"), grey)
    cv2.imwrite(str(tmp_path / "2.png"), cv2.cvtColor(grey, cv2.COLOR_GRAY2BGRA))
    images.Image.fromarray(grey).convert("P").save(tmp_path / "3.png")
    for number in (1, 2, 3):
        assert (images.read_colour(tmp_path / f"{number}.png") == grey[..., None]).all()
    assert cv2.imwrite(str(tmp_path / "4.png"), np.dstack([0 * grey, 0 * grey, grey]))
    assert (images.read_colour(tmp_path / "4.png") == np.dstack([grey, 0 * grey, 0 * grey])).all()


def test_depth_is_metres_and_zero_stays_no_reading(tmp_path):
    units = np.zeros((12, 16), np.uint16)
    units[3, 4] = 40_000
    video = with_depth(tmp_path, units, (1, 3), depth_scale=0.0001)
    metres = video.depth(0, 3)
    assert metres.dtype == np.float32 and metres.shape == (3, 12, 16)
    assert metres[1, 3, 4] == pytest.approx(4.0) and (metres == 0).sum() == 3 * (12 * 16 - 1)
    assert video.missing_depth == 1 and video.missing == 0


def test_frames_of_two_sizes_or_kinds_and_what_a_video_lacks_are_refused(tmp_path):
    folder = numbered(tmp_path / "f", range(1, 5))
    cv2.imwrite(str(folder / "3.png"), np.zeros((12, 18, 3), np.uint8))
    video = open_video(folder)
    trees.refused(r"3\.png has 18x12 pixels.*16x12", video.frames, 0, 4)
    deep = with_depth(tmp_path / "a", np.zeros((6, 8), np.uint16), [1])
    trees.refused("depth included, must have one size", deep.depth, 0, 1)
    trees.refused("16 bits a channel, and a colour frame has 8", images.read_colour, tmp_path / "a" / "d" / "1.png")
    trees.refused("in colour, and a depth map has one channel", images.read_depth, folder / "1.png", 0.001)
    trees.refused("no depth", video.depth, 0, 1)
    trees.refused(r"melib\.face", video.landmarks, 0, 1)
    with pytest.raises(IndexError):
        video.frames(3, 5)


def test_two_files_of_one_number_are_refused_and_other_files_left_alone(tmp_path):
    folder = numbered(tmp_path / "f", [1, 2])
    for name in ("Thumbs.db", ".hidden3.png", "._4.png", "notes.txt", "5 (copy).png"):
        (folder / name).write_bytes(b"")
    assert images.list_images(tmp_path, folder).numbers.tolist() == [1, 2]
    shutil.copy(folder / "1.png", folder / "img001.png")
    trees.refused("two frames 1", images.list_images, tmp_path, folder)


def test_a_camera_s_turn_is_undone_and_names_of_times_are_said_to_be_no_numbers(tmp_path):
    picture = np.zeros((12, 16, 3), np.uint8)
    picture[:, 8:] = 200
    for turn, brightest in ((1, np.s_[:, 8:]), (3, np.s_[:, :8]), (6, np.s_[8:]), (8, np.s_[:8])):
        exif = images.Image.Exif()
        exif[0x0112] = turn
        images.Image.fromarray(picture).save(tmp_path / "1.jpg", exif=exif, quality=95)
        read = images.read_colour(tmp_path / "1.jpg")
        assert read.shape[1::-1] == images.image_size(tmp_path / "1.jpg")
        assert read[brightest].mean() > 190 and read.mean() < 110
    (tmp_path / "1.jpg").rename(tmp_path / "1699999999999.jpg")
    words = "whose number is below 10.9, as that of 1699999999999.jpg is not: number them from 1"
    trees.refused(words, images.list_images, tmp_path, tmp_path, kind=FileNotFoundError)


def test_folders_come_in_natural_order_without_hidden_ones_and_what_a_mac_packs(tmp_path):
    for name in ("s10", "s2", "S1", ".git", "__MACOSX"):
        (tmp_path / name).mkdir()
    assert list(subfolders(tmp_path, tmp_path)) == ["S1", "s2", "s10"]
    assert natural_key("img2") < natural_key("img010")
