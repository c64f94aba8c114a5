"""`/favicon.ico`: the icon of our pages, for what is no page."""

from __future__ import annotations

import re

import httpx2

from tests.house import Servers


def test_where_browsers_look_by_themselves_is_the_icon_that_pages_name(servers: Servers) -> None:
    url = servers.shared().url
    named = re.search(r'<link rel="icon" href="([^"]+)"', httpx2.get(f"{url}/login/").text)
    answer = httpx2.get(f"{url}/favicon.ico")
    assert named
    assert (answer.status_code, answer.headers["location"]) == (302, named[1])
    assert "set-cookie" not in answer.headers
    icon = httpx2.get(f"{url}{named[1]}")
    assert (icon.status_code, icon.headers["content-type"].partition(";")[0]) == (200, "image/svg+xml")
