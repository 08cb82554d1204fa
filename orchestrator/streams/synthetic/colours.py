"""The colours of the generated world."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (225, 40, 40),
    "orange": (250, 145, 20),
    "yellow": (245, 230, 60),
    "green": (50, 190, 70),
    "cyan": (60, 215, 225),
    "blue": (70, 100, 245),
    "pink": (250, 130, 200),
    "white": (245, 245, 245),
}
"""Name -> sRGB, 0 .. 255. All colours are bright, since backgrounds are dark."""
