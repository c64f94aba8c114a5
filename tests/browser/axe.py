"""axe-core on a page: what somebody who does not see, hear or point as most do would stumble over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = (Path(__file__).parent / "vendor/axe-4.14.1.min.js").read_text()
COLOURS = ["color-contrast", "link-in-text-block"]
"""What can differ between light and dark: the rest of a page is the same in both."""
_RUN = """async (rules) => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const moving = document.getAnimations().filter((one) => one.effect.getComputedTiming().iterations === 1);
  await Promise.all(moving.map((one) => one.finished.catch(() => 0)));
  const asked = rules.length ? {runOnly: {type: "rule", values: rules}} : {};
  const found = await axe.run(document, {resultTypes: ["violations"], ...asked});
  return found.violations.map(({id, help, nodes}) => ({
    id, help, nodes: nodes.slice(0, 3).map((node) => `${node.target} ${node.any.map((any) => any.message)}`),
    count: nodes.length,
  }));
}"""


def violations(page: Page, theirs: frozenset[str] = frozenset()) -> list[str]:
    """What axe finds on a page, with all of its rules in light and those about colours in dark too. `theirs`
    are rules that markup breaks which is not ours."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.evaluate(SOURCE)
    found = [f"light: {_told(one)}" for one in page.evaluate(_RUN, []) if one["id"] not in theirs]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    return found + [f"dark: {_told(one)}" for one in page.evaluate(_RUN, COLOURS)]


def _told(one: dict[str, Any]) -> str:
    return f"{one['id']} x{one['count']} ({one['help']}): {'; '.join(one['nodes'])}"
