"""Waiting for what a page will show."""

import time
from collections.abc import Callable
from typing import Any

DESKTOP, PHONE = (1280, 800), (375, 812)
PATIENCE = 15_000  # milliseconds: a machine that is busy with other tests is slow


def until(page: Any, expression: str, argument: Any = None) -> Any:
    """The value of an expression, or of a function of ``argument``, once it is true. (Playwright's own
    ``wait_for_function`` evaluates a text in the page, which its security policy refuses.)"""
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        if value := page.evaluate(expression, argument):
            return value
        page.wait_for_timeout(30)
    raise AssertionError(f"never true: {expression}")


def open_score(visit: Callable[..., Any], url: str, **how: Any) -> Any:
    """Open an address of a score and wait until it is drawn."""
    page = visit(url, **how)
    page.wait_for_selector(".score-page .system svg")
    until(page, "document.querySelector('.cursor')?.hidden === false")
    return page


def open_tab(page: Any, name: str) -> None:
    """Open the corrections at one of their tabs."""
    if page.locator("#inspector").is_hidden():
        page.keyboard.press("o")
    page.get_by_role("tab", name=name).click()
