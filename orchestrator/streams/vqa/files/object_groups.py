"""VQACL's groups of objects: the inner, visual sequence of every task (Zhang et al., CVPR 2023)."""

from __future__ import annotations

_VQA_V2 = {
    "G1": "58 48 55 36 64 1 70 73 42 15 6 18 49 59 31 2",
    "G2": "19 77 22 9 24 53 12 13 78 50 47 41 32 28 54 23",
    "G3": "60 8 34 25 67 4 14 68 3 79 0 5 65 20 71 39",
    "G4": "35 29 66 40 43 26 72 10 38 61 76 44 75 69 16 57",
    "G5": "45 33 63 56 21 11 62 74 17 52 46 30 27 51 37 7",
}
_NEXT_QA = {
    "G0": "50 60 15 32 79 27 53 20 36 28 24 80 41 33 18 10",
    "G1": "54 5 57 49 69 62 7 1 14 35 56 66 58 51 46 6",
    "G2": "59 61 74 37 47 34 19 72 75 23 63 40 67 21 73 29",
    "G3": "22 2 48 64 68 9 65 26 45 12 8 76 55 4 77 44",
    "G4": "78 17 52 11 30 13 38 70 25 3 43 42 39 16 71 31",
}


def _parsed(groups: dict[str, str]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(map(int, numbers.split())) for name, numbers in groups.items()}


VQA_V2_GROUPS = _parsed(_VQA_V2)
"""Group -> its objects, numbered 0 .. 79."""

NEXT_QA_GROUPS = _parsed(_NEXT_QA)
"""Group -> its objects, numbered 1 .. 80, as ``bigCate`` numbers them."""
