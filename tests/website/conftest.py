"""The built site, served to a real browser on this machine only.

``COURSE_SITE`` names another folder than ``_build/html``.
"""

import functools
import http.server
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

ROOT = Path(__file__).parents[2]
# What the theme says on every page of every book, without effect.
HARMLESS = re.compile(r"Got invalid theme mode")
PATIENCE = 20_000
"""Milliseconds that a page has to show what is expected: a busy machine is slow, not wrong."""
expect.set_options(timeout=PATIENCE)


def eventually(page: Page, holds: Callable[[], bool]) -> None:
    """Look until a statement holds, and fail when it does not within PATIENCE."""
    for _ in range(PATIENCE // 50):
        if holds():
            return
        page.wait_for_timeout(50)
    assert holds(), f"not within {PATIENCE / 1000:g} seconds"


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of 127.0.0.1 and yield its address, ending in a slash."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *message: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def find_site() -> Path:
    """Return the folder of the built site, or fail with the command that builds it."""
    folder = Path(os.environ.get("COURSE_SITE") or ROOT / "_build" / "html").resolve()
    if not (folder / "index.html").exists():
        pytest.fail(f"No site in {folder}: run `make book`, or name the site's folder in COURSE_SITE", pytrace=False)
    return folder


def pages_of(site: Path) -> list[str]:
    """Return the pages that the start page's navigation names, the start page first, and the search page."""
    target = re.search(r"url=([\w./-]+\.html)", (site / "index.html").read_text(encoding="utf-8"))
    start = target[1] if target else "index.html"
    text = (site / start).read_text(encoding="utf-8")
    navigation = re.search(r'<nav[^>]*class="[^"]*bd-links.*?</nav>', text, re.DOTALL)
    assert navigation, f"{start}: no navigation"
    links = re.findall(r'class="reference internal" href="([^"#]+\.html)"', navigation[0])
    pages = [start, *links, "search.html"]
    assert len(links) >= 1, f"{start}: the navigation names no page"
    return list(dict.fromkeys(pages))


@pytest.fixture(scope="session")
def site() -> Path:
    return find_site()


@pytest.fixture(scope="session")
def pages(site: Path) -> list[str]:
    return pages_of(site)


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    with serve(site) as url:
        yield url


class Visit:
    """A page in the browser, and what went wrong on it: errors in the console, failed and foreign requests."""

    def __init__(self, browser: Browser, *, width: int = 1280, height: int = 900, mode: str = "light", **context: Any):
        self.problems: list[str] = []
        self.context = browser.new_context(
            **{"viewport": {"width": width, "height": height}, "reduced_motion": "reduce", **context}
        )
        self.context.add_init_script(f"localStorage.mode ??= localStorage.theme ??= '{mode}'")
        self.context.route(lambda url: not self._ours(url), self._foreign)
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self._said(message.type, message.text))
        self.page.on("pageerror", lambda error: self._said("error", str(error)))
        self.page.on("requestfailed", lambda request: self.problems.append(f"failed request: {request.url}"))
        self.page.on("response", self._answered)

    @staticmethod
    def _ours(url: str) -> bool:
        parts = urlsplit(url)
        return parts.scheme in ("data", "blob", "file", "about") or parts.hostname == "127.0.0.1"

    def _foreign(self, route: Any) -> None:
        self.problems.append(f"foreign request: {route.request.url}")
        route.abort()

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and not HARMLESS.search(text):
            self.problems.append(f"console: {text}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.problems.append(f"status {response.status}: {response.url}")

    def without_maths(self) -> Page:
        """Leave formulas unset, which takes a chapter seconds and its figures do not need; return the page."""
        self.page.route("**/mathjax/**", lambda route: route.fulfill(body=""))
        return self.page

    def open(self, url: str) -> Page:
        """Load a page and scroll through it, so that everything that loads late is loaded."""
        self.page.goto(url, wait_until="load")
        self.page.evaluate(
            """async () => {
                for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
                    scrollTo({ top: y, behavior: "instant" });
                    await new Promise(requestAnimationFrame);
                }
                scrollTo({ top: 0, behavior: "instant" });
            }"""
        )
        self.page.wait_for_function("() => !window.MathJax?.startup?.promise || window.MathJax.startup.document")
        self.page.evaluate("() => window.MathJax?.startup?.promise")
        return self.page


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open visits that are closed when the test ends."""
    open_visits: list[Visit] = []

    def begin(**settings: Any) -> Visit:
        open_visits.append(Visit(browser, **settings))
        return open_visits[-1]

    yield begin
    for one in open_visits:
        one.context.close()


@pytest.fixture(scope="session")
def figure_page(site: Path, pages: list[str]) -> str:
    """The first page with the optimizer race."""
    return next(page for page in pages if 'data-figure="race"' in (site / page).read_text(encoding="utf-8"))
