"""Compile the inner loops: what runs once for every agent × engagement × start is too slow in an interpreter."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile a function of numbers and arrays to machine code on its first call.

    The code is kept on disk beside the module, so that only the first process after an installation compiles, and runs
    without the interpreter's lock, so that another thread can watch the clock meanwhile.
    """
    return cast(Callable[Arguments, Result], numba.njit(cache=True, nogil=True)(function))
