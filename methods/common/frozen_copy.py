"""A method as it is before a task: the teacher of a distillation."""

from __future__ import annotations

import copy
from typing import TypeVar

from ..method import Method

M = TypeVar("M", bound=Method)


def frozen_copy(method: M) -> M:
    """Returns a copy of a method that is not trained, in evaluation mode. It shares the ``spec``.

    Args:
        method: The method. The copy has to be kept in a tuple, where it is no part of the method's state.
    """
    spec = method.spec
    teacher = copy.deepcopy(method, {id(spec): spec})
    return teacher.requires_grad_(False).eval()
