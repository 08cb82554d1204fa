"""Makes regions of a picture that has no detector's regions: the cells of a grid."""

from __future__ import annotations

import torch
from torch import Tensor


def grid_regions(image: Tensor, grid: int) -> tuple[Tensor, Tensor]:
    """Cuts pictures into the cells of a grid, row by row from the top left.

    Like a detector's features, pixels are 0 where there is nothing. What follows norms each region's
    features: with black at -1, a dark background would outweigh what stands in front of it.

    Args:
        image: uint8 (B, 3, S, S).
        grid: Cells on each side; it divides S.

    Returns:
        Features (B, grid^2, 3 (S / grid)^2), each cell's pixels in [0, 1]; and boxes (B, grid^2, 4), x1 y1 x2
        y2 in parts of the picture's sides.
    """
    b, colours, size, _ = image.shape
    side = size // grid
    pixels = image.to(torch.get_default_dtype()) / 255
    cells = (
        pixels.reshape(b, colours, grid, side, grid, side).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
    )
    edge = torch.arange(grid, device=image.device, dtype=pixels.dtype) / grid
    y, x = torch.meshgrid(edge, edge, indexing="ij")
    corner = torch.stack([x, y], dim=-1).flatten(0, 1)
    boxes = torch.cat([corner, corner + 1 / grid], dim=-1)
    return cells, boxes.expand(b, -1, -1)
