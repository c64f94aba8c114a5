"""The demo's first pictures, so that its pages have something to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from accounts.models import Organization
from config.first_image import MODEL, Client, FirstImageProblem
from generations.models import Generation
from runtime.tenancy import tenant

EVOLINK, TOAPIS = "/evolink/v1/images/generations", "/toapis/v1/images/generations"
GMI = "/gmi/api/v1/ie/requestqueue/apikey/requests"
PICTURES: tuple[tuple[str, str, str, int], ...] = (
    (EVOLINK, "A lighthouse on a basalt cliff, last light, long exposure", "16:9", 1),
    (TOAPIS, "Still life with lemons and a blue enamel jug, window light", "4:5", 1),
    (EVOLINK, "Poster for a small jazz festival by the lake, flat colours", "2:3", 1),
    (GMI, "A paper boat on a canal at dawn", "1:1", 1),
    (EVOLINK, "Product photo: a ceramic teapot on raw linen, soft shadow", "1:1", 2),
    (TOAPIS, "An old tram in the rain, reflections on cobblestones", "3:2", 1),
    (EVOLINK, "A glass greenhouse at night, warm light from within", "4:3", 1),
    (EVOLINK, "The celebrity from the front page, test:block", "1:1", 1),
    (GMI, "Three cyclists on an alpine pass, seen from above", "21:9", 1),
    (GMI, "Woodcut of a heron in the reeds", "3:4", 1),
    (TOAPIS, "A loaf of rye bread, flour in the air", "1:1", 1),
    (EVOLINK, "Cover for a novel about a quiet library, muted greens", "9:16", 1),
    (EVOLINK, "Icon set for a weather app, test:partial=3/4", "1:1", 4),
    (TOAPIS, "A harbour with red cranes, risograph print", "16:9", 1),
    (EVOLINK, "A brass telescope on a balcony, stars over the sea", "3:4", 1),
    (GMI, "A market street at night, lanterns, light rain", "3:2", 1),
    (EVOLINK, "A chess board by a window, test:error=overloaded", "4:3", 1),
    (TOAPIS, "A fox in fresh snow, watercolour", "5:4", 1),
)
"""Door, prompt, ratio and count, oldest first. The sandbox reads magic words: one is blocked, one fails,
one delivers three of four."""


class AlbumProblem(Exception):
    """A picture was not accepted; the message says what was answered."""


def is_empty(organization: Organization) -> bool:
    """Whether the pictures were never ordered: they are made once, and may be deleted for good."""
    with tenant(organization):
        ours = Generation.objects.of(organization).filter(order__prompt=PICTURES[0][1])
        return not ours.exists()


def order(client: Client, stopping: Callable[[], bool]) -> int:
    """Order them all with the client's key; they are drawn while the caller goes on. Returns how many
    were ordered: fewer if `stopping` says so meanwhile. Raises AlbumProblem."""
    for number, (path, prompt, ratio, count) in enumerate(PICTURES):
        if stopping():
            return number
        try:
            client.json("POST", path, _body(path, prompt, ratio, count))
        except FirstImageProblem as problem:
            raise AlbumProblem(str(problem)) from None
    return len(PICTURES)


def _body(path: str, prompt: str, ratio: str, count: int) -> Mapping[str, Any]:
    if path == GMI:
        return {"model": MODEL, "payload": {"prompt": prompt, "aspect_ratio": ratio}}
    return {"model": MODEL, "prompt": prompt, "size": ratio, **({"n": count} if count > 1 else {})}
