"""The names that people write for countries. Pure: the tables are Babel's (CLDR) and pycountry's (iso-codes).

A name is found in English, in the given languages, and in each country's own. Case, accents, punctuation, `&`, `St.`
and an article in front do not count.
"""

from __future__ import annotations

import gettext
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache

import pycountry
from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages

from engine.wording.values import locale_of

_USUAL: Mapping[str, str] = {
    "America": "US", "U.S.": "US", "Vereinigte Staaten von Amerika": "US", "Amerika": "US",
    "États-Unis d’Amérique": "US",
    "UK": "GB", "U.K.": "GB", "Great Britain": "GB", "Britain": "GB", "England": "GB", "Scotland": "GB", "Wales": "GB",
    "Northern Ireland": "GB", "Großbritannien": "GB", "Schottland": "GB", "Nordirland": "GB", "Grande-Bretagne": "GB",
    "Gran Bretagna": "GB", "Gran Bretaña": "GB", "Groot-Brittannië": "GB", "Inghilterra": "GB", "Angleterre": "GB",
    "Inglaterra": "GB", "Holland": "NL", "Hollande": "NL", "Olanda": "NL", "Holanda": "NL", "Turkey": "TR",
    "Republic of Turkey": "TR", "Ivory Coast": "CI", "Elfenbeinküste": "CI", "Costa d’Avorio": "CI",
    "Costa de Marfil": "CI", "Cape Verde": "CV", "Kap Verde": "CV", "Czech Republic": "CZ", "Tschechei": "CZ",
    "Macedonia": "MK", "FYROM": "MK", "Mazedonien": "MK", "Swaziland": "SZ", "Swasiland": "SZ", "Burma": "MM",
    "Birma": "MM", "East Timor": "TL", "Osttimor": "TL", "South Korea": "KR", "Korea": "KR", "Südkorea": "KR",
    "North Korea": "KP", "Nordkorea": "KP", "Vatican": "VA", "Holy See": "VA", "Vatikan": "VA", "Palestine": "PS",
    "Palästina": "PS", "DR Congo": "CD", "DRC": "CD", "Zaire": "CD", "Democratic Republic of Congo": "CD",
    "Republic of Congo": "CG", "Emirates": "AE", "UAE": "AE", "U.A.E.": "AE", "Emirate": "AE", "VAE": "AE",
    "Hong Kong": "HK", "Hongkong": "HK", "Macau": "MO", "Macao": "MO", "Republic of Ireland": "IE", "Eire": "IE",
    "Belorussia": "BY", "Byelorussia": "BY", "Weißrussland": "BY", "Moldawien": "MD", "Russia": "RU", "Persia": "IR",
    "Mainland China": "CN", "PRC": "CN", "Taiwan": "TW", "Ceylon": "LK", "Brunei": "BN", "Syria": "SY", "Laos": "LA",
    "Slovak Republic": "SK", "Bosnia": "BA", "Bosnien": "BA", "KSA": "SA", "Türkei": "TR", "Brasil": "BR",
    "Falklands": "FK", "Saint Martin": "MF", "Sint Maarten": "SX", "Trinidad": "TT",
}  # fmt: skip
"""Names that the tables lack: former ones, short ones, parts that stand for the whole. The tables come first."""
_ARTICLES = frozenset({
    "the", "der", "die", "das", "le", "la", "les", "l", "il", "lo", "gli", "i", "el", "los", "las", "de", "het",
    "o", "os", "as",
})  # fmt: skip
_WORDS = {"st": "saint", "ste": "saint", "sankt": "saint", **dict.fromkeys(("and", "und", "et", "y", "e", "en"), "&")}


def code_of(name: str, spoken: tuple[str, ...]) -> str | None:
    """ISO 3166-1 alpha-2 of a country's code or name, None if no country is called so."""
    known, key = countries(spoken), folded(name)
    if key in known:
        return known[key]
    first, _, rest = key.partition(" ")
    return known.get(rest) if first in _ARTICLES and len(rest) > 3 else None


def folded(name: str) -> str:
    """A name as it is compared."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    words = re.sub(r"[^\w&]+", " ", re.sub(r"(?<=\b\w)\.(?=\w\b|$)", "", letters).replace("&", " & ")).split()
    return " ".join(_WORDS.get(word, word) for word in words) if len(words) > 1 else "".join(words)


@lru_cache(maxsize=16)
def countries(spoken: tuple[str, ...]) -> Mapping[str, str]:
    """Codes and names as `folded` → ISO 3166-1 alpha-2; what is listed later gives way to what is listed earlier."""
    found: dict[str, str] = {}
    for name, code in (*_codes(), *_translated(spoken), *_USUAL.items(), *_endonyms()):
        found.setdefault(folded(name), code)
        if "," in name:  # "Tanzania, United Republic of"
            last, _, first = name.partition(",")
            found.setdefault(folded(f"{first} {last}"), code)
    return {key: code for key, code in found.items() if key}


def country_names(language: str) -> dict[str, str]:
    """ISO 3166-1 alpha-2 → name in that language."""
    territories = locale_of(language).territories
    return {country.alpha_2: territories.get(country.alpha_2, country.name) for country in pycountry.countries}


def locales(spoken: tuple[str, ...]) -> list[str]:
    """English, and those of the languages that Babel knows."""
    return list(dict.fromkeys(("en", *(str(locale_of(language)) for language in spoken))))


def _codes() -> Iterator[tuple[str, str]]:
    for country in pycountry.countries:
        yield country.alpha_2, country.alpha_2
        yield country.alpha_3, country.alpha_2


def _translated(spoken: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """CLDR's names and those of iso-codes, long, short and official."""
    for locale in locales(spoken):
        for code, name in country_names(locale).items():
            yield name, code
            if " (" in name:  # "Myanmar (Burma)"
                short, _, other = name.removesuffix(")").partition(" (")
                yield from ((short, code), (other, code))
        translation = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, [locale, locale[:2]], fallback=True)
        for country in pycountry.countries:
            for attribute in ("name", "common_name", "official_name"):
                if long := getattr(country, attribute, None):
                    yield long, country.alpha_2
                    yield translation.gettext(long), country.alpha_2


@lru_cache(maxsize=1)
def _endonyms() -> tuple[tuple[str, str], ...]:
    """What those who live there call their country."""
    found = []
    for country in pycountry.countries:
        for language in get_official_languages(country.alpha_2):
            try:
                name = Locale.parse(language).territories.get(country.alpha_2)
            except (UnknownLocaleError, ValueError):
                continue
            if name:
                found.append((name, country.alpha_2))
    return tuple(found)
