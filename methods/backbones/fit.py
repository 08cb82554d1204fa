"""Checks whether weights belong to a model."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def bare_names(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Removes the words with which all names of the weights begin and no wanted name does.

    Such a word is ``module.`` of DistributedDataParallel.

    Args:
        state: The weights.
        wanted: The model's state dict.
    """
    state = dict(state)
    while True:
        first = {name.partition(".")[0] + "." for name in state}
        word = first.pop() if len(first) == 1 else ""
        if not word or not all(n.startswith(word) for n in state) or any(n.startswith(word) for n in wanted):
            return state
        state = {name.removeprefix(word): value for name, value in state.items()}


def check_fit(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Checks that weights have the names, shapes and kinds of a model's, and finite numbers.

    Args:
        state: The weights.
        wanted: The model's state dict.

    Raises:
        ValueError: The weights do not fit. The message continues a sentence that begins with the weights'
            name.
    """
    lacking = [name for name in wanted if name not in state]
    if lacking and len(lacking) == len(wanted):
        begin = sorted({name.partition(".")[0][:40] for name in state})
        more = ", ..." if len(begin) > 5 else ""
        raise ValueError(
            f"have none of the model's {len(wanted)} names, such as {lacking[0]}: their names begin with "
            f"{', '.join(begin[:5])}{more}"
        )
    if lacking:
        raise ValueError(f"lack {len(lacking)} of the model's names, {lacking[0]} first")
    if unknown := [name for name in state if name not in wanted]:
        raise ValueError(f"hold {len(unknown)} that the model lacks, {unknown[0]} first")
    for name, value in state.items():
        if value.shape != wanted[name].shape:
            has, asked = ("x".join(map(str, t.shape)) or "a number" for t in (value, wanted[name]))
            raise ValueError(f"do not fit the model: {name} is {has}, not {asked}")
        if wanted[name].is_floating_point() and not value.is_floating_point():
            raise ValueError(
                f"do not fit the model: {name} is of {value.dtype}, not of a floating-point type"
            )
    check_finite(state)


def check_finite(state: Mapping[str, Tensor]) -> None:
    """Checks that all numbers of the weights are finite.

    Raises:
        ValueError: A number is NaN or infinite. The message is like that of :func:`check_fit`.
    """
    for name, value in state.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise ValueError(f"are not finite: {name} holds NaN or infinity")
