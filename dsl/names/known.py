"""The world's names that files refer to: countries, languages, currencies, time zones."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from dsl.plan import tags
from dsl.problems.near import near
from dsl.problems.problems import Problems
from dsl.tree.declarations import Text


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# ISO 3166-1 alpha-2
COUNTRIES = _words(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY
    BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK
    FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR
    IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK
    ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF
    TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """
)
COUNTRY_MEANT = {
    "UK": "GB", "EN": "GB", "USA": "US", "GER": "DE", "GERMANY": "DE", "AUSTRIA": "AT", "SWITZERLAND": "CH",
}  # fmt: skip

# ISO 639-1
LANGUAGES = _words(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee
    el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is
    it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms
    mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk
    sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi
    yo za zh zu
    """
)
LANGUAGE_MEANT = {
    "english": "en", "german": "de", "deutsch": "de", "french": "fr", "français": "fr", "spanish": "es",
    "español": "es", "italian": "it", "italiano": "it", "portuguese": "pt", "português": "pt", "dutch": "nl",
    "nederlands": "nl", "polish": "pl", "polski": "pl", "swedish": "sv", "danish": "da", "norwegian": "nb",
    "finnish": "fi", "czech": "cs", "hungarian": "hu", "romanian": "ro", "greek": "el", "turkish": "tr",
    "russian": "ru", "ukrainian": "uk", "chinese": "zh", "japanese": "ja", "korean": "ko", "arabic": "ar",
    "hebrew": "he", "hindi": "hi", "eng": "en", "ger": "de", "deu": "de", "fra": "fr",
}  # fmt: skip
# ISO 4217, currencies in use
CURRENCIES = _words(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
    HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN
    PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD
    TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
    """
)


@cache
def zones() -> frozenset[str]:
    return frozenset(available_timezones())


def check_zone(name: Text, problems: Problems) -> None:
    if name.value not in zones():
        towns = {zone.rpartition("/")[2].replace("_", " ").casefold(): zone for zone in sorted(zones()) if "/" in zone}
        town = towns.get(name.value.rpartition("/")[2].replace("_", " ").casefold())
        close = (town,) if town else near(name.value, sorted(zones()))
        problems.add("E109", name.span, near=close, name=name.value)


def check_country(name: Text, problems: Problems) -> None:
    if name.value not in COUNTRIES:
        upper = name.value.upper()
        meant = COUNTRY_MEANT.get(upper) or (upper if upper in COUNTRIES else None)
        problems.add("E112", name.span, near=(meant,) if meant else (), name=name.value)


def is_language(tag: str) -> bool:
    """Whether it is a language, perhaps with a script and a region, written as usual: `de`, `de-AT`, `zh-Hant`."""
    found = tags.parts(tag)
    if found is None or tags.written(tag) != tag:
        return False
    language, script, region = found
    known_region = not region or region in COUNTRIES or region in tags.AREAS
    return language in LANGUAGES and (not script or script in tags.SCRIPTS) and known_region


def check_language(name: Text, problems: Problems) -> None:
    if not is_language(name.value):
        found = tags.parts(name.value)
        language, script, region = found or ("", "", "")
        region = COUNTRY_MEANT.get(region, region)
        meant = [tags.written(name.value), "-".join(filter(None, (language, script, region))), language]
        meant.append(LANGUAGE_MEANT.get(name.value.casefold(), ""))
        if found is None and "-" in name.value:
            meant.append(name.value[:2].lower())
        problems.add("E113", name.span, near=[one for one in meant if is_language(one)][:1], name=name.value)
