"""What is drawn of a plan: colours, and the style sheet that knows them."""

import re
from pathlib import Path

from routes.pages.drawn import COLOURS, StopState, drawn_units
from routes.pages.timelines import CellKind
from tests.planning.sample import sample_problem
from tests.routes.pages.test_style import contrast, palettes


def test_colours_of_units_come_again() -> None:
    """The ninth unit has the colour of the first; codes are added by key."""
    problem = sample_problem()
    units = drawn_units(problem.units * 3, {1: "MB1"})
    assert [each.colour for each in units] == [0, 1, 2, 3, 4, 5, 6, 7, 0]
    assert [each.code for each in units[:2]] == ["MB1", ""]


def test_colours_of_units_can_be_told_from_the_ground() -> None:
    """Each has a contrast of 4.5 with the surface, which is also the colour of the text on it, in light and dark."""
    sheet = (Path(__file__).parents[3] / "routes" / "static" / "planning.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    for ground, block in zip(palettes(), blocks, strict=True):
        colours = dict(re.findall(r"--(u[0-9]|wrong): (#[0-9a-f]{6});", block))
        assert len(colours) == COLOURS + 1
        assert min(contrast(colour, ground["surface"]) for colour in colours.values()) >= 4.5


def test_every_kind_of_cell_and_state_has_its_look() -> None:
    """The style sheet knows every class that the timeline uses."""
    sheet = (Path(__file__).parents[3] / "routes" / "static" / "planning.css").read_text()
    for word in (*CellKind, *StopState):
        if word not in {CellKind.STOP, StopState.FREE}:
            assert f".{word.value}" in sheet
