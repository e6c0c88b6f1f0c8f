"""What a browser is given: a policy that allows no inline code, pages that obey it, and colours that can be read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from tests.routes.pages.browser import browser

INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE)
ELSEWHERE = re.compile(r"(?:src|href|action)=\"(?:https?:)?//", re.IGNORECASE)
PAGES = (
    "/", "/?week=2026-W02", "/?week=never", "/handover", "/handover/messages/0", "/login", "/nowhere",
    "/plans", "/plans/new", "/api/v1/problems", "/api/v1/docs",
)  # fmt: skip
READ_ON = {
    "text": ("ground", "surface", "raised", "today", "bad-ground"),
    "muted": ("ground", "surface", "raised", "today"),
    "accent": ("ground", "surface", "raised"),
    "on-accent": ("accent",),
    "good": ("good-ground",),
    "bad": ("bad-ground", "surface"),
}
SEEN_ON = {
    "edge": ("surface", "ground"),
    "accepted": ("surface", "bar-rest"),
    "pending": ("surface",),
    "in_progress": ("surface",),
    "rejected": ("surface",),
}


def palettes() -> Iterator[dict[str, str]]:
    """The named colours, light and dark."""
    sheet = (Path(__file__).parents[3] / "routes" / "static" / "style.css").read_text()
    light, dark, *_ = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    for block in (light, dark):
        yield dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("pairs", "least"), [(READ_ON, 4.5), (SEEN_ON, 3.0)])
def test_colours_can_be_told_apart(pairs: dict[str, tuple[str, ...]], least: float) -> None:
    """Text has a contrast of 4.5 and other signs 3 on every ground that they stand on, in light and dark."""
    for palette in palettes():
        for front, grounds in pairs.items():
            for ground in grounds:
                found = contrast(palette[front], palette[ground])
                assert found >= least, f"{front} on {ground}: {found:.2f}"


@pytest.mark.parametrize("path", PAGES)
def test_pages_keep_to_the_policy(app: Flask, engine: Engine, path: str) -> None:
    """No page holds inline styles or scripts or fetches anything elsewhere, and no policy would let it."""
    person = browser(app, engine)
    person.sign_in()
    response = person.get(path)
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none';")
    assert not INLINE.search(response.text)
    assert not ELSEWHERE.search(response.text)
    assert re.search(r'<html lang="(pl|en)">', response.text)


def test_every_answer_is_hardened(app: Flask) -> None:
    """Answers are not stored, not framed, not sniffed, and tell no other site where they were asked."""
    for path in ("/login", "/healthz", "/api/v1/sites", "/nowhere"):
        headers = app.test_client().get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
