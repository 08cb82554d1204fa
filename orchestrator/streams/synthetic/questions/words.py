"""The words of questions and answers, as the official VQA metric leaves them: lower case, no punctuation."""

from __future__ import annotations

from ..families import family

PLACES = ("top left", "top right", "bottom left", "bottom right")
"""The quarters of a picture, by their numbers."""

POSTURES = {"standing": 0, "leaning left": -35, "leaning right": 35}
"""The postures of a thing -> degrees, clockwise."""

NO_YES = ("no", "yes")
"""The answers, by whether something is true."""

ASPECTS = ("color", "size", "tilt", "shape")
"""The aspects in which one thing may differ from the others."""

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
    """The word for a thing of the family, such as "vehicle"."""
    name = family(index).name
    return _TYPES.get(name, name.replace("-", " "))


def with_article(phrase: str) -> str:
    """The phrase with its article: "an orange cat"."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"
