"""Addresses of other systems: which ones lie inside a private network, where no data of leads may be posted to."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

_PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "corp", "home", "home.arpa", "localdomain")
"""Endings of names that only a private network knows."""
_NUMBER = re.compile(r"(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+)){0,3}")
"""An IPv4 address however it is written: `127.1`, `0x7f000001`."""


def is_private(url: str) -> bool:
    """Whether an address certainly lies inside a private network, as far as it can be told without looking it up."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    if not host:
        return False
    try:
        return not _is_public(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    if _NUMBER.fullmatch(host):
        return True
    return "." not in host or any(host == name or host.endswith(f".{name}") for name in _PRIVATE_NAMES)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    inner = address.ipv4_mapped or address.sixtofour if isinstance(address, IPv6Address) else None
    return (inner or address).is_global and not (inner or address).is_multicast
