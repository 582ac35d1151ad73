"""What the figures' Python classes share: checks of numbers, and the output that a notebook stores and a page shows."""

import html
import json
from pathlib import Path
from typing import Any

__all__ = ["CSS", "in_range", "on_a_page"]

CSS = (Path(__file__).parent / "figures.css").read_text(encoding="utf-8")


def in_range(what: str, value: Any, low: float, high: float) -> Any:
    """Return ``value`` if it is a number from ``low`` to ``high``; otherwise say what it is and what is expected.

    Examples
    --------
    >>> in_range("steps", 20, 1, 1000)
    20
    >>> in_range("steps", 0, 1, 1000)
    Traceback (most recent call last):
    ValueError: steps: got 0, expected a number from 1 to 1000
    """
    if not (isinstance(value, int | float) and low <= value <= high):
        raise ValueError(f"{what}: got {value!r}, expected a number from {low:g} to {high:g}")
    return value


def on_a_page(
    bundled: tuple[dict[str, Any], dict[str, Any]] | None,
    figure: str,
    *,
    name: str,
    state: dict[str, Any],
    picture: str,
    text: str,
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Add to a widget's output what a website needs: the figure's state with a still picture, and a short text.

    Examples
    --------
    >>> data, _ = on_a_page(({}, {}), "race", name="race", state={"steps": 20}, picture="<svg/>", text="a race")
    >>> data["text/plain"], data["text/html"][:41]
    ('a race', '<div class="nn-figure" data-figure="race"')
    """
    if bundled is not None:
        data, _ = bundled
        data["text/plain"] = text
        data["text/html"] = (
            f'<div class="nn-figure" data-figure="{figure}" data-name="{html.escape(name)}" '
            f'data-state="{html.escape(json.dumps(state))}">{picture}</div>'
        )
    return bundled
