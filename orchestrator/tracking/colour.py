"""The colours of runs."""

from __future__ import annotations

import colorsys

# The palette of Okabe and Ito, whose colours differ for colour-blind readers too. It lacks their yellow,
# which is too light for a line.
_FIRST = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
_ROUND = 256
_SHADES = ((0.45, 0.65), (0.6, 0.55), (0.35, 0.8), (0.7, 0.75), (0.5, 0.35), (0.3, 0.5))
_GOLDEN = 0.6180339887498949  # of a circle: each hue falls into the widest gap between the earlier ones


def run_colour(number: int) -> str:
    """``#rrggbb`` of trial ``number`` (from 0). The first 1,500 all differ.

    MLflow's own colours are few, and are chosen by the letters of a run's id.
    """
    if number < len(_FIRST):
        return _FIRST[number]
    turn, step = divmod(number - len(_FIRST), _ROUND)
    lightness, saturation = _SHADES[turn % len(_SHADES)]
    parts = colorsys.hls_to_rgb(step * _GOLDEN % 1, lightness, saturation)
    return "#" + "".join(f"{round(255 * part):02X}" for part in parts)
