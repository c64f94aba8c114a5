"""What the playground asks: the words, the model and the shape, pictures to go by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms

from generations.models import Generation
from generations.snippets.limits import REFERENCES
from generations.spec import Offer, Order, Picture
from runtime.ids import word

LIKE_PICTURE: Final = "auto"
FORMATS: Final = (("", "As the model makes it"), ("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WebP"))
MOST_SEED: Final = 2**31 - 1
CHANGE: Final = "change"
"""In `Order.echo`: the picture that the order changes, as the pages name it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A ratio as it can be picked, with the box that shows its shape (within 24 by 24)."""

    ratio: str
    width: float
    height: float

    @property
    def left(self) -> float:
        return 12 - self.width / 2

    @property
    def top(self) -> float:
        return 12 - self.height / 2


class PlaygroundForm(forms.Form):
    """An order. `keep` names pictures by links of ours, `change` the picture that is to be changed."""

    prompt = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5, "placeholder": "A lighthouse at dawn, as a woodcut"}),
        strip=True,
    )
    count = forms.IntegerField(
        label="Images", min_value=1, initial=1, widget=forms.NumberInput(attrs={"inputmode": "numeric"})
    )
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_SEED,
        help_text="The same seed and words make a similar picture again.",
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": "Random"}),
    )
    format = forms.ChoiceField(label="File", choices=FORMATS, required=False)
    change = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    once = forms.CharField(max_length=40, widget=forms.HiddenInput)

    def __init__(self, *args: Any, offers: Sequence[Offer], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer = self._chosen(offers)
        self.shaped = bool(self.kept or self._present("change"))
        self.fields["model"] = forms.ChoiceField(
            choices=[(offer.model, offer.title) for offer in offers], initial=self.offer.model
        )
        self.fields["ratio"] = forms.ChoiceField(choices=self._ratios(), initial=self._usual_ratio())
        self.fields["resolution"] = forms.ChoiceField(
            label="Size",
            choices=[(one, one) for one in self.offer.resolutions],
            initial=self.offer.default_resolution,
        )
        self.fields["prompt"].max_length = self.offer.prompt_characters  # type: ignore[attr-defined]
        self.fields["count"].max_value = self.offer.max_count  # type: ignore[attr-defined]
        self.fields["count"].widget.attrs |= {"max": self.offer.max_count, "min": 1}
        self.initial.setdefault("once", word(20))
        for name in ("ratio", "resolution"):  # another model's, or a picture's that is not there
            if self.initial.get(name) not in dict(self.fields[name].choices):  # type: ignore[attr-defined]
                self.initial.pop(name, None)

    def _chosen(self, offers: Sequence[Offer]) -> Offer:
        named = self._present("model")
        return next((offer for offer in offers if named in (offer.model, *offer.names)), offers[0])

    def _present(self, name: str) -> str:
        return str(self.data.get(name, "") if self.is_bound else self.initial.get(name, "") or "")

    @property
    def kept(self) -> list[str]:
        """The links of the pictures to go by."""
        if not self.is_bound:
            return list(self.initial.get("keep", ()))
        return list(dict.fromkeys(self.data.getlist("keep")))  # type: ignore[attr-defined]  # a QueryDict

    def _ratios(self) -> list[tuple[str, str]]:
        like = [(LIKE_PICTURE, "Like the picture")] if self.shaped else []
        return [*like, *((ratio, ratio) for ratio in self.offer.ratios)]

    def _usual_ratio(self) -> str:
        usual = self.offer.default_ratio or "1:1"
        return LIKE_PICTURE if self.shaped else usual

    @property
    def cells(self) -> list[Cell]:
        """The ratios to pick from, drawn."""
        return [_cell(ratio) for ratio, _ in self._ratios() if ratio != LIKE_PICTURE]

    @property
    def ratio_now(self) -> str:
        return str(self["ratio"].value())

    @property
    def resolution_now(self) -> str:
        return str(self["resolution"].value())

    def clean_prompt(self) -> str:
        prompt: str = self.cleaned_data["prompt"]
        longest = self.offer.prompt_characters
        if len(prompt) > longest:
            raise forms.ValidationError(f"At most {longest:,} characters; these are {len(prompt):,}.")
        return prompt

    def clean_count(self) -> int:
        count: int = self.cleaned_data["count"]
        if count > self.offer.max_count:
            raise forms.ValidationError(f"{self.offer.title} makes at most {self.offer.max_count} at once.")
        return count

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        ratio, resolution = cleaned.get("ratio", LIKE_PICTURE), cleaned.get("resolution", "")
        if ratio != LIKE_PICTURE and resolution and self.offer.size(resolution, ratio) is None:
            self.add_error("ratio", f"{self.offer.title} draws no {ratio} at {resolution}.")
        return cleaned


def _cell(ratio: str) -> Cell:
    width, height = (int(side) for side in ratio.split(":"))
    scale = 20 / max(width, height)
    return Cell(ratio, max(width * scale, 3), max(height * scale, 3))


def again(row: Generation, order: Order) -> Mapping[str, Any]:
    """The form of an order that was made: the same once more, to be changed."""
    return {
        "prompt": order.prompt,
        "model": row.model,
        "ratio": order.ratio or LIKE_PICTURE,
        "resolution": order.resolution,
        "count": order.count,
        "seed": order.sampling.seed,
        "format": order.format or "",
        "keep": _latest(order),
        "change": order.echo.get(CHANGE, ""),
    }


def _latest(order: Order) -> list[str]:
    """The links of the pictures that its last turn showed."""
    links = order.echo.get(REFERENCES) or ()
    places = range(len(order.inputs))
    if order.turns:
        places = [part.input for part in order.turns[-1].parts if isinstance(part, Picture)]  # type: ignore[assignment]
    return [url for place in places if place < len(links) and (url := links[place])]
