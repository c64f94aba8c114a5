"""The catalogue's data file says what the vendors' pages say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import generations

DATA: Any = json.loads((Path(generations.__file__).parent / "catalogue.json").read_text())
MODELS = {model["slug"]: model for model in DATA["models"]}
DOORS = ("evolink", "openai", "toapis", "gemini", "gmi")
FLASH, PRO, FLASH31, LITE = (
    "gemini-2.5-flash-image",
    "gemini-3-pro-image",
    "gemini-3.1-flash-image",
    "gemini-3.1-flash-lite-image",
)

# As the pages print them: ratio, then one column of pixels per resolution.
FLASH_PIXELS = """
    1:1 1024x1024 | 2:3 832x1248 | 3:2 1248x832 | 3:4 864x1184 | 4:3 1184x864
    4:5 896x1152 | 5:4 1152x896 | 9:16 768x1344 | 16:9 1344x768 | 21:9 1536x672
"""
PRO_PIXELS = """
    1:1 1024x1024 2048x2048 4096x4096 | 2:3 848x1264 1696x2528 3392x5056
    3:2 1264x848 2528x1696 5056x3392 | 3:4 896x1200 1792x2400 3584x4800
    4:3 1200x896 2400x1792 4800x3584 | 4:5 928x1152 1856x2304 3712x4608
    5:4 1152x928 2304x1856 4608x3712 | 9:16 768x1376 1536x2752 3072x5504
    16:9 1376x768 2752x1536 5504x3072 | 21:9 1584x672 3168x1344 6336x2688
"""
FLASH31_PIXELS = """
    1:1 512x512 1024x1024 2048x2048 4096x4096 | 1:4 256x1024 512x2048 1024x4096 2048x8192
    4:1 1024x256 2048x512 4096x1024 8192x2048 | 1:8 192x1536 384x3072 768x6144 1536x12288
    8:1 1536x192 3072x384 6144x768 12288x1536 | 2:3 424x632 848x1264 1696x2528 3392x5056
    3:2 632x424 1264x848 2528x1696 5056x3392 | 3:4 448x600 896x1200 1792x2400 3584x4800
    4:3 600x448 1200x896 2400x1792 4800x3584 | 4:5 464x576 928x1152 1856x2304 3712x4608
    5:4 576x464 1152x928 2304x1856 4608x3712 | 9:16 384x688 768x1376 1536x2752 3072x5504
    16:9 688x384 1376x768 2752x1536 5504x3072 | 21:9 792x336 1584x672 3168x1344 6336x2688
"""


def cells(table: str, *resolutions: str) -> dict[tuple[str, str], str]:
    """(resolution, ratio) -> pixels of a printed table."""
    rows = [cell.split() for line in table.strip().splitlines() for cell in line.split("|")]
    return {(r, row[0]): pixels for row in rows for r, pixels in zip(resolutions, row[1:], strict=True)}


def told(slug: str) -> dict[tuple[str, str], str]:
    """The same of the data file."""
    sizes = MODELS[slug]["sizes"]
    return {(r, ratio): pixels for r in sizes for ratio, pixels in sizes[r]["pixels"].items()}


def nano_dollars(slug: str, resolution: str) -> int:
    return int(MODELS[slug]["sizes"][resolution]["tokens"] * MODELS[slug]["unit_price"])


def test_every_cell_of_the_size_tables_is_there_and_no_other() -> None:
    assert told(FLASH) == cells(FLASH_PIXELS, "1K")
    assert told(PRO) == cells(PRO_PIXELS, "1K", "2K", "4K")
    assert told(FLASH31) == cells(FLASH31_PIXELS, "512", "1K", "2K", "4K")
    only_1k = {cell: pixels for cell, pixels in cells(FLASH31_PIXELS, *"abcd").items() if cell[0] == "b"}
    assert told(LITE) == {("1K", ratio): pixels for (_, ratio), pixels in only_1k.items()}
    assert [len(told(slug)) for slug in MODELS] == [10, 30, 56, 14]


def test_pixels_have_the_shape_of_their_ratio() -> None:
    for slug in MODELS:
        for (_, ratio), pixels in told(slug).items():
            (w, h), (width, height) = map(int, ratio.split(":")), map(int, pixels.split("x"))
            assert width / height == pytest.approx(w / h, rel=0.04), (slug, ratio, pixels)


@pytest.mark.parametrize(
    ("slug", "resolution", "cost"),
    [
        (FLASH, "1K", 38_700_000),
        (PRO, "1K", 134_400_000),
        (PRO, "2K", 134_400_000),
        (PRO, "4K", 240_000_000),
        (FLASH31, "512", 44_820_000),
        (FLASH31, "1K", 67_200_000),
        (FLASH31, "2K", 100_800_000),
        (FLASH31, "4K", 151_200_000),
        (LITE, "1K", 33_600_000),
    ],
)
def test_an_image_costs_what_the_price_list_says(slug: str, resolution: str, cost: int) -> None:
    assert nano_dollars(slug, resolution) == cost


def test_a_25_flash_image_is_1290_tokens_in_every_cell() -> None:
    assert MODELS[FLASH]["sizes"]["1K"]["tokens"] == 1290
    assert MODELS[FLASH]["unit_price"] == 30_000


def test_input_facts_are_those_of_each_model() -> None:
    facts = ("input_tokens_per_image", "max_input_images", "input_token_limit", "output_token_limit")
    assert {slug: tuple(model[f] for f in facts) for slug, model in MODELS.items()} == {
        FLASH: (258, 3, 32_768, 32_768),
        PRO: (560, 14, 65_536, 32_768),
        FLASH31: (1120, 14, 131_072, 32_768),
        LITE: (1120, 14, 65_536, 4_096),
    }


def test_every_door_offers_every_model_under_its_own_name_too() -> None:
    assert tuple(DATA["dialects"]) == DOORS
    for door in DOORS:
        offers = DATA["dialects"][door]["offers"]
        assert set(offers) == set(MODELS)
        assert all(slug in offer["names"] for slug, offer in offers.items())


def test_a_name_means_one_model_at_a_door() -> None:
    for door in DOORS:
        names = [name for offer in DATA["dialects"][door]["offers"].values() for name in offer["names"]]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("door", "name", "slug"),
    [
        ("evolink", "nano-banana-beta", FLASH),
        ("evolink", "nano-banana-2-lite", PRO),
        ("openai", "auto", PRO),
        ("toapis", "gemini-2.5-flash-image-official", FLASH),
        ("toapis", "gemini-2.5-flash-image-preview", FLASH),
        ("gemini", "gemini-3.1-flash-image-preview", FLASH31),
        ("gmi", "gemini-3-pro-image-preview", PRO),
    ],
)
def test_the_vendors_names_are_understood(door: str, name: str, slug: str) -> None:
    assert name in DATA["dialects"][door]["offers"][slug]["names"]


def test_offers_draw_nothing_that_the_model_lacks() -> None:
    for door in DOORS:
        for slug, offer in DATA["dialects"][door]["offers"].items():
            drawable = told(slug)
            assert all((r, ratio) in drawable for r in offer["resolutions"] for ratio in offer["ratios"])
            assert offer["default_resolution"] in offer["resolutions"]
            assert offer["default_ratio"] in (None, *offer["ratios"])


@pytest.mark.parametrize(
    ("door", "slug", "prompt", "count", "references", "megabytes"),
    [
        ("evolink", FLASH, 1000, 4, 5, 10),
        ("evolink", PRO, 2000, 4, 10, 10),
        ("evolink", FLASH31, 2000, 4, 14, 20),
        ("openai", FLASH, 32_000, 10, 16, 20),
        ("toapis", FLASH, 32_768 * 4, 1, 3, 10),
        ("gemini", FLASH, 32_768 * 4, 10, 256, 7),
        ("gmi", FLASH, 32_768 * 4, 1, 3, 30),
        ("gmi", PRO, 32_768 * 4, 1, 14, 30),
    ],
)
def test_limits_are_those_of_the_doors_pages(
    door: str, slug: str, prompt: int, count: int, references: int, megabytes: int
) -> None:
    offer = DATA["dialects"][door]["offers"][slug]
    assert (offer["prompt_characters"], offer["max_count"]) == (prompt, count)
    assert (offer["max_references"], offer["reference_bytes"]) == (references, megabytes * 2**20)


def test_evolink_has_seven_ratios_for_25_flash_and_gmi_eight_for_3_pro() -> None:
    evolink = DATA["dialects"]["evolink"]["offers"][FLASH]
    assert set(evolink["ratios"]) == {"1:1", "2:3", "3:2", "4:3", "3:4", "16:9", "9:16"}
    gmi = DATA["dialects"]["gmi"]["offers"][PRO]
    assert set(gmi["ratios"]) == {"1:1", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"}


def test_evolink_draws_gemini_3_at_2k_unless_told_otherwise() -> None:
    offers = DATA["dialects"]["evolink"]["offers"]
    assert [offers[slug]["default_resolution"] for slug in (FLASH, PRO, FLASH31)] == ["1K", "2K", "2K"]


def test_credits_per_dollar_are_the_vendors_rates() -> None:
    rates = {door: DATA["dialects"][door]["credits_per_dollar"] for door in DOORS}
    assert rates == {"evolink": 68, "toapis": 200, "openai": 0, "gemini": 0, "gmi": 0}
