"""Which of a company's languages serves a reader, with and without regions."""

from __future__ import annotations

import pytest

from dsl.plan import Workspace, tags

SPOKEN = ("en-GB", "de-AT", "fr-CH", "pt-BR", "de-CH", "zh-Hans", "zh-Hant", "es-419")


@pytest.mark.parametrize(
    ("wanted", "served"),
    [
        ("en-GB", "en-GB"), ("en_gb", "en-GB"), ("EN", "en-GB"),
        ("en-US", "en-GB"), ("de", "de-AT"), ("de-CH", "de-CH"),
        ("de-LI", "de-AT"), ("fr", "fr-CH"), ("pt-PT", "pt-BR"), ("zh-TW", "zh-Hant"), ("zh-CN", "zh-Hans"),
        ("zh-Hant-HK", "zh-Hant"), ("es-MX", "es-419"), ("ja", None), ("", None), ("german", None), ("de-", None),
        ("*", None),
    ],
)  # fmt: skip
def test_the_own_region_then_the_language_then_another_region(wanted: str, served: str | None) -> None:
    assert tags.chosen(wanted, SPOKEN) == served
    assert Workspace(name="x", languages=SPOKEN).language(wanted) == (served or "en-GB")


def test_a_bare_language_serves_its_regions() -> None:
    plain = Workspace(name="x", languages=("en", "de"))
    assert [plain.language(one) for one in ("de-CH", "de_AT", "en-GB", "fr-CH")] == ["de", "de", "en", "en"]
    assert tags.ancestors("zh_hant-tw") == ("zh-Hant-TW", "zh-Hant", "zh")
    assert Workspace(name="x", languages=("en-GB", "de-AT", "de")).marks == ("en-GB", "en", "de-AT", "de")
    assert tags.text_in("de-AT", [("", "Email"), ("de-CH", "Mailadresse"), ("de", "E-Mail")]) == ("de", "E-Mail")
    assert tags.text_in("fr", [("", "Email"), ("de", "E-Mail")]) is None
