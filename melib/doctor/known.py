"""The licensed datasets as they were published: who gives them out, what they look like, what they hold."""

from __future__ import annotations

from dataclasses import dataclass

from melib.datasets import reader

_BEIJING = "Institute of Psychology, Chinese Academy of Sciences: the pages of the CASME databases"
_MANCHESTER = "Manchester Metropolitan University: the pages of the SAMM databases"
_OULU = "University of Oulu, Center for Machine Vision and Signal Analysis: the page of SMIC"


@dataclass(frozen=True)
class Known:
    """What is known of a dataset.

    Attributes
    ----------
    title : str
    holder : str
        Where its licence agreement is to be had.
    layout : str
        Where a frame lies, below the root or a few folders down.
    label_files : tuple of str
        One of the names that each of them has.
    from_literature : bool
        Whether the published counts were read in papers or code; otherwise they were counted in the label files.
    lacks_frames : bool
        Whether the release itself lacks frames, so that a gap says nothing about a copy.
    depth : bool
        Whether the release has depth.
    damaged : tuple of (str, str, int, int)
        Subject, video, first and last number of the frames that the release itself holds damaged.
    """

    title: str
    holder: str
    layout: str
    label_files: tuple[str, ...]
    from_literature: bool = False
    lacks_frames: bool = False
    depth: bool = False
    damaged: tuple[tuple[str, str, int, int], ...] = ()


def _smic(sensor: str) -> Known:
    return Known(
        f"SMIC-E, {sensor}, long clips",
        _OULU,
        f"{sensor}/s01/s01_ne_01/image012345.jpg",
        (f"SMIC-{sensor}-E_annotation.xlsx",),
        from_literature=True,
    )


#: Dataset -> what is known of it.
KNOWN: dict[str, Known] = {
    "casme3": Known(
        "CAS(ME)^3, Part A",
        _BEIJING,
        "spNO.1/a/color/1.jpg, spNO.1/a/depth/1.png",
        ("CAS(ME)3_part_A_v2.xls", "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"),
        lacks_frames=True,
        depth=True,
        # The list exception/error_info_damaged_image_partA.txt of the repository jingtingEmmaLi/CAS-ME-3.
        damaged=(("spNO.3", "j", 498, 576), ("spNO.4", "j", 568, 609)),
    ),
    "casme_sq": Known(
        "CAS(ME)^2, long videos",
        _BEIJING,
        "s15/15_0101disgustingteeth/img001.jpg",
        ("CAS(ME)^2code_final(Updated).xlsx",),
    ),
    "samm_lv": Known(
        "SAMM Long Videos",
        _MANCHESTER,
        "006_1/006_1_0001.jpg",
        ("SAMM_LongVideos_V2_Release.xlsx", "SAMM_20181215_Micro_FACS_Codes_v2.xlsx (of SAMM, for the emotions)"),
    ),
    "casme2": Known(
        "CASME II",
        _BEIJING,
        "sub01/EP02_01f/img1.jpg",
        ("CASME2-coding-20190701.xlsx",),
        from_literature=True,
    ),
    "smic_hs": _smic("HS"),
    "smic_vis": _smic("VIS"),
    "smic_nir": _smic("NIR"),
}


def published(name: str) -> dict[str, int]:
    """The published counts of a dataset, under the keys of :func:`melib.datasets.sheets.count_labels`.

    Raises
    ------
    ValueError
        If the dataset is unknown.
    """
    module, keywords = reader(name)
    counts = module.PUBLISHED
    for which in keywords.values():
        # A module of several datasets keeps the counts of each.
        counts = counts[which]
    return dict(counts)
