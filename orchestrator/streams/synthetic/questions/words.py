"""The words of questions and answers, as the official VQA metric leaves them: lower case, no punctuation."""

from __future__ import annotations

from ..families import family

PLACES = ("top left", "top right", "bottom left", "bottom right")
"""The quarters of a picture, by number."""

POSTURES = {"standing": 0, "leaning left": -35, "leaning right": 35}
"""What a thing may do -> degrees, clockwise."""

NO_YES = ("no", "yes")
"""By truth."""

ASPECTS = ("color", "size", "tilt", "shape")
"""In what one thing may differ from the others."""

_TYPES = {
    "shapes": "shape",
    "letters": "letter",
    "vehicles": "vehicle",
    "animals": "animal",
    "tools": "tool",
    "signs": "sign",
    "plants": "plant",
    "kitchen": "utensil",
    "clothes": "garment",
    "buildings": "building",
}


def type_word(index: int) -> str:
    """What a thing of the family is: "vehicle"."""
    name = family(index).name
    return _TYPES.get(name, name.replace("-", " "))


def with_article(phrase: str) -> str:
    """ "an orange cat"."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"
