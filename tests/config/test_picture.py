"""The picture in the terminal."""

import io

import pytest
from PIL import Image

from config import picture


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("environ", "terminal", "depth"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, True, 2**24),
        ({"TERM": "xterm-256color"}, True, 256),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, False, 0),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, True, 0),
        ({"TERM": "dumb"}, True, 0),
        ({"TERM": "vt100"}, True, 0),
        ({}, True, 0),
    ],
)
def test_the_depth_is_what_the_terminal_says_it_can(
    environ: dict[str, str], terminal: bool, depth: int
) -> None:
    assert picture.colours(environ, terminal=terminal) == depth


def test_two_pixels_share_a_character_in_true_colour() -> None:
    drawn = picture.draw(png(1024, 1024, (10, 20, 30)), 2**24).splitlines()
    assert len(drawn) == 24
    assert drawn[0].startswith("\x1b[38;2;10;20;30;48;2;10;20;30m▀")
    assert all(line.endswith(picture.RESET) and line.count("▀") == 48 for line in drawn)


def test_a_wide_picture_keeps_its_ratio() -> None:
    drawn = picture.draw(png(1600, 800, (0, 0, 0)), 256).splitlines()
    assert (len(drawn), drawn[0].count("▀")) == (12, 48)
    assert "38;5;16" in drawn[0]


def test_without_colours_nothing_is_drawn() -> None:
    assert picture.draw(png(8, 8, (0, 0, 0)), 0) == ""
