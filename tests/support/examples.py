"""How many examples a property gets: three fifths of what it names in the profile `ci`, twenty times that in `deep`."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

PROFILES = {"ci": 60, "deep": 2_000}
"""Examples of a property that names no number, by profile. `make test` uses `ci`, `make test-deep` uses `deep`."""
NAMED = 100
"""Examples of a property that names no number, as the numbers named elsewhere are meant."""


def register() -> None:
    """Make the profiles known and load `ci`; the option `--hypothesis-profile` chooses another. `ci` draws the same
    examples every time, so that a run never fails by chance; none fails because the machine is busy."""
    for name, many in PROFILES.items():
        settings.register_profile(
            name, max_examples=many, deadline=None, print_blob=True, derandomize=name == "ci",
            suppress_health_check=[HealthCheck.too_slow],
        )  # fmt: skip
    settings.load_profile("ci")


def examples(many: int, **more: Any) -> settings:
    """`many` of them times what the profile has for each of `NAMED`."""
    return settings(max_examples=many * settings().max_examples // NAMED, **more)
