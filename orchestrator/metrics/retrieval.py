"""Metrics of image-text retrieval from similarities: recall, and mean average precision in a gallery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

Reading = Literal["paper", "reference"]

_BLOCK = 2**24  # similarities held at once; 64 MB in float32
_DEPTH = 10  # rankings are read up to this rank


def recall_at_k(
    similarity: Tensor, text_to_image: Tensor | None = None, texts_per_image: int = 1
) -> dict[str, float]:
    """Computes image-text retrieval recall in both directions, in percent.

    Equal scores share their ranks: a hit counts by its probability under a random order of the equal scores.
    Features that have collapsed to a point therefore score chance and not 100.

    Args:
        similarity: (I, J), image against text. Text j belongs to image j // ``texts_per_image``.
        text_to_image: (J, I), the scores of the other direction, where they are not the transpose of
            ``similarity``.
        texts_per_image: How many texts belong to each image.

    Returns:
        ``txt_r1 txt_r5 txt_r10`` (an image finds one of its texts among the first k), ``img_r1 img_r5
        img_r10`` (a text finds its image) and ``r_mean``, the mean of the six. The mean is CTP's R_m (ICCV
        2023, released ``product_evaluation.py``; the ALBEF protocol).

    Raises:
        ValueError: A score is NaN, or the numbers of images and texts do not fit ``texts_per_image``.
    """
    back = similarity.T if text_to_image is None else text_to_image
    return _both_ways(_blocks(similarity), _blocks(back), len(similarity), len(back), texts_per_image)


def recall_of_features(image: Tensor, text: Tensor, texts_per_image: int = 1) -> dict[str, float]:
    """Computes :func:`recall_at_k` from features, without ever holding the whole (I, J) matrix.

    Args:
        image: (I, D), unit rows.
        text: (J, D), unit rows.
        texts_per_image: As of :func:`recall_at_k`.
    """
    return _both_ways(_products(image, text), _products(text, image), len(image), len(text), texts_per_image)


def first_ranks(image: Tensor, text: Tensor) -> dict[str, Tensor]:
    """Computes at which rank each image finds its text, and each text its image.

    Args:
        image: (N, D), unit rows.
        text: (N, D), unit rows. Text i belongs to image i.

    Returns:
        int64 (N,) on the CPU. ``txt_rank`` is the rank, from 1 on, of an image's own text among all texts,
        the best of those ranks that are shared where several texts have the own one's similarity;
        ``txt_tied`` is how many have it, the own one among them. ``img_rank`` and ``img_tied`` are the same
        of a text's own image.
    """
    found: dict[str, list[Tensor]] = {}
    for way, query, candidate in (("txt", image, text), ("img", text, image)):
        for start, block in _products(query, candidate):
            own = block.diagonal(start)[:, None]
            found.setdefault(f"{way}_rank", []).append(1 + (block > own).sum(1).cpu())
            found.setdefault(f"{way}_tied", []).append((block == own).sum(1).cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


def gallery_map(
    similarity: Tensor,
    query_label: Tensor,
    gallery_label: Tensor,
    self_index: Tensor,
    reading: Reading = "paper",
    counted_label: Tensor | None = None,
) -> dict[str, float]:
    """Computes the mean average precision of multi-modal retrieval, in percent.

    AP@K is the precision at each hit inside the first k, averaged over those hits, and 0 without a hit. Here
    k = min(K, relevant items, length of the list).

    Args:
        similarity: (Q, G), query against gallery.
        query_label: (Q,). An item is relevant to a query of the same label.
        gallery_label: (G,).
        self_index: (Q,), the index of the query itself in the gallery; -1 where it is not in the gallery.
        reading: How the query itself is treated.
            ``paper``: the query is taken out of the gallery and is nobody's positive.
            ``reference``: as in CTP's released code (``product_evaluation.py``), the query is taken out of
            the ten best, of which nine remain, but still counts among the relevant items.
        counted_label: (H,), the items among which the ``reference`` counts the relevant ones: the released
            code counts in its whole list of the gallery, whichever tasks are searched. None:
            ``gallery_label``.

    Returns:
        ``map1 map5 map10``.

    Raises:
        ValueError: There are no queries, or no such ``reading``.
    """
    labels = query_label, gallery_label, self_index, counted_label
    return _gallery(_blocks(similarity), *labels, (reading,))[reading]


def gallery_map_of_features(
    query: Tensor,
    gallery: Tensor,
    query_label: Tensor,
    gallery_label: Tensor,
    self_index: Tensor,
    counted_label: Tensor | None = None,
) -> dict[str, float]:
    """Computes :func:`gallery_map` in both readings from features, without ever holding the whole (Q, G)
    matrix.

    Args:
        query: (Q, D), unit rows.
        gallery: (G, D), unit rows.
        query_label: As of :func:`gallery_map`.
        gallery_label: As of :func:`gallery_map`.
        self_index: As of :func:`gallery_map`.
        counted_label: As of :func:`gallery_map`.

    Returns:
        ``map1 map5 map10`` of the paper's reading, and ``map1_reference map5_reference map10_reference``.
    """
    labels = query_label, gallery_label, self_index, counted_label
    by_reading = _gallery(_products(query, gallery), *labels, ("paper", "reference"))
    return by_reading["paper"] | {
        f"{name}_reference": value for name, value in by_reading["reference"].items()
    }


def average_precision(relevant: Tensor, k: Tensor) -> Tensor:
    """Computes the precision at each hit among the first k, averaged over those hits; it is 0 without a hit.

    Args:
        relevant: bool (Q, N), in rank order.
        k: int (Q,).

    Returns:
        (Q,), one value for each query.
    """
    rank = torch.arange(1, relevant.shape[1] + 1, device=relevant.device)
    hit = (relevant & (rank <= k[:, None])).double()
    return (hit.cumsum(1) / rank * hit).sum(1) / hit.sum(1).clamp(min=1)


def _blocks(similarity: Tensor) -> Iterator[tuple[int, Tensor]]:
    rows = max(1, _BLOCK // max(1, similarity.shape[1]))
    for start in range(0, len(similarity), rows):
        yield start, similarity[start : start + rows]


def _products(query: Tensor, candidate: Tensor) -> Iterator[tuple[int, Tensor]]:
    rows = max(1, _BLOCK // max(1, len(candidate)))
    for start in range(0, len(query), rows):
        yield start, query[start : start + rows] @ candidate.T


def _both_ways(
    image_to_text: Iterator[tuple[int, Tensor]],
    text_to_image: Iterator[tuple[int, Tensor]],
    images: int,
    texts: int,
    texts_per_image: int,
) -> dict[str, float]:
    if texts_per_image < 1 or texts != images * texts_per_image or not images:
        raise ValueError(f"{images} images and {texts} texts do not make {texts_per_image} texts an image")
    group = torch.arange(texts_per_image)
    recalls: dict[str, float] = {}
    positives: Callable[[Tensor], Tensor]
    for way, blocks, positives in (
        ("txt", image_to_text, lambda rows: rows[:, None] * texts_per_image + group),
        ("img", text_to_image, lambda rows: rows[:, None] // texts_per_image),
    ):
        hits, seen = {k: 0.0 for k in (1, 5, _DEPTH)}, 0
        for start, block in blocks:
            if block.isnan().any():
                raise ValueError(f"NaN among the similarities of rows {start} to {start + len(block) - 1}")
            own = positives(torch.arange(start, start + len(block))).to(block.device)
            for k, probability in _hits(block, own, list(hits)).items():
                hits[k] += float(probability.sum())
            seen += len(block)
        recalls |= {f"{way}_r{k}": 100 * total / seen for k, total in hits.items()}
    return recalls | {"r_mean": sum(recalls.values()) / len(recalls)}


def _hits(block: Tensor, own: Tensor, ks: list[int]) -> dict[int, Tensor]:
    """k -> (n,): the probability that one of the columns ``own`` (n, m) is among the k best of its row."""
    mine = block.gather(1, own)
    best = mine.max(1, keepdim=True).values
    better = (block > best).sum(1)
    equal = (block == best).sum(1).double()
    own_equal = (mine == best).sum(1).double()
    # The ranks are drawn without replacement: of the ``equal`` ranks the first k - better are drawn one after
    # another. ``miss`` is the probability that none of them is ours.
    miss, hit_within = torch.ones_like(equal), {}
    for drawn in range(max(ks)):
        left = (equal - drawn).clamp(min=1)
        miss = miss * ((equal - own_equal - drawn).clamp(min=0) / left)
        hit_within[drawn + 1] = 1 - miss
    table = torch.stack([torch.zeros_like(equal), *hit_within.values()])
    return {k: table.gather(0, (k - better).clamp(min=0)[None])[0] for k in ks}


def _gallery(
    blocks: Iterator[tuple[int, Tensor]],
    query_label: Tensor,
    gallery_label: Tensor,
    self_index: Tensor,
    counted_label: Tensor | None,
    readings: Sequence[Reading],
) -> dict[str, dict[str, float]]:
    """The metrics of each reading. The rows of ``blocks`` are gone through once."""
    for reading in readings:
        if reading not in get_args(Reading):
            raise ValueError(f"gallery_map has no reading {reading!r}: {' or '.join(get_args(Reading))}")
    sums, seen = {reading: {k: 0.0 for k in (1, 5, _DEPTH)} for reading in readings}, 0
    for start, block in blocks:
        device = block.device
        label = query_label[start : start + len(block)].to(device)
        own = self_index[start : start + len(block)].to(device)
        everyone = gallery_label.to(device)
        # One more rank than is looked at, since the query itself is taken out.
        ranking = block.topk(min(_DEPTH + 1, block.shape[1]), dim=1).indices
        for reading in readings:
            if reading == "paper":
                itself = (own >= 0) & (everyone[own.clamp(min=0)] == label)
                positives = (everyone == label[:, None]).sum(1) - itself.long()
                hits = _hits_in_gallery(ranking, label, everyone, own)
            else:
                counted = everyone if counted_label is None else counted_label.to(device)
                positives = (counted == label[:, None]).sum(1)
                hits = _hits_in_gallery(ranking[:, :_DEPTH], label, everyone, own)
            relevant, length = hits
            for k in sums[reading]:
                looked = positives.clamp(max=k).minimum(length)
                sums[reading][k] += float(average_precision(relevant, looked).sum())
        seen += len(block)
    if not seen:
        raise ValueError("no queries")
    return {r: {f"map{k}": 100 * total / seen for k, total in own.items()} for r, own in sums.items()}


def _hits_in_gallery(ranking: Tensor, label: Tensor, everyone: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Which of the best items are relevant once the query itself is taken out, bool (n, depth) in rank order,
    and how many items are left, int (n,), at most as many as are looked at.
    """
    kept = ranking != own[:, None]
    # The sort is stable: the query itself moves to the end and the others keep their order.
    order = (~kept).long().argsort(dim=1, stable=True)
    relevant = (everyone[ranking] == label[:, None]).gather(1, order) & kept.gather(1, order)
    return relevant, kept.sum(1).clamp(max=_DEPTH)
