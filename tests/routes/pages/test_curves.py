"""The curve of a search: how the value of the best plan rose."""

from routes.pages.curves import CURVE_HEIGHT, CURVE_WIDTH, RIM, curve


def test_the_curve_rises_in_steps_from_the_first_plan() -> None:
    """It begins at the left below and ends above; between two plans the value stays."""
    drawn = curve([[8.0, 100.0], [10.0, 150.0], [12.0, 200.0]], 8)
    assert drawn is not None
    points = [tuple(map(float, point.split(","))) for point in drawn.points.split()]
    low, high, half = CURVE_HEIGHT - RIM, RIM, CURVE_WIDTH / 2
    quarter = RIM + (CURVE_WIDTH - 2 * RIM) / 4
    assert points == [
        (RIM, low),
        (quarter, low),
        (quarter, low / 2 + high / 2),
        (half, low / 2 + high / 2),
        (half, high),
    ]
    assert (drawn.lowest, drawn.highest, drawn.seconds) == (100.0, 200.0, 4.0)


def test_a_curve_needs_two_points() -> None:
    """One plan is no curve, and a value that stays the same is a straight line."""
    assert curve([], 8) is None
    assert curve([[1.0, 5.0]], 8) is None
    assert curve([[1.0, 5.0], [2.0, 5.0]], 8) is not None
