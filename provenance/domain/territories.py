"""Territories: where a recording may be used, and which places lie within others.

ISO 3166-1 alpha-2 countries and three groups. On chain they are one digest of the sorted codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from provenance.domain.hashes import keccak
from provenance.errors import Invalid
from provenance.types import Bytes32

# Source: ISO 3166-1, officially assigned alpha-2 codes.
_ASSIGNED: Final = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR
    MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO
    RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV
    TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
_UNION: Final = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
COUNTRIES: Final = frozenset(_ASSIGNED.split())
_EU: Final = frozenset(_UNION.split())
GROUPS: Final = {"EU": _EU, "EEA": _EU | {"IS", "LI", "NO"}, "WW": COUNTRIES}


class UnknownTerritory(Invalid):
    """Neither a country nor one of our groups."""

    next = "Use two-letter country codes (ISO 3166-1, such as DE or KR), EU, EEA or WW."


def parse(codes: Iterable[str]) -> tuple[str, ...]:
    """The codes in upper case, sorted, each once; at least one.

    Raises:
        UnknownTerritory: a code that names no place, or none at all.
    """
    names = {code.upper(): code[:16] for code in codes}
    for name, given in names.items():
        if name not in COUNTRIES and name not in GROUPS:
            raise UnknownTerritory(f"unknown territory {given!r}", field="territories", territory=given)
    if not names:
        raise UnknownTerritory("no territory is named", field="territories")
    return tuple(sorted(names))


def country(code: str) -> bytes:
    """The two ASCII letters of one country, as a lease and a receipt carry them.

    Raises:
        UnknownTerritory: a group, or no country.
    """
    name = code.upper()
    if name not in COUNTRIES:
        raise UnknownTerritory(
            f"{code[:16]!r} is not one country",
            field="territory",
            next="Name the one country of the use (ISO 3166-1, such as DE or KR); EU, EEA and WW are groups.",
        )
    return name.encode()


def countries(codes: Iterable[str]) -> frozenset[str]:
    """Every country within these codes."""
    return frozenset().union(*(GROUPS.get(code, frozenset((code,))) for code in parse(codes)))


@lru_cache(maxsize=4_096)
def covers(codes: tuple[str, ...], place: bytes) -> bool:
    """Whether the country of a lease or receipt lies within the codes; kept, since an epoch asks the same few."""
    return label(place) in countries(codes)


def label(place: bytes) -> str:
    """The country of a lease or receipt as a person reads it."""
    return place.decode("ascii", "replace")


def territories_hash(codes: Iterable[str]) -> Bytes32:
    """The digest in a consent: keccak of the sorted codes joined by commas."""
    return keccak(",".join(parse(codes)).encode())
