"""How a long-running process collects its garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLD = 50_000
"""Allocations between two young collections. The default of a few hundred costs a worker about a seventh of its CPU:
nearly everything a call allocates is gone by its end without any collection."""


def settle_memory() -> None:
    """Call once everything is loaded: what is there now stays for good and is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD, 20, 20)


@contextmanager
def no_collections() -> Iterator[None]:
    """For work that builds much, keeps nearly all of it and makes no cycles: collections would only look through it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
