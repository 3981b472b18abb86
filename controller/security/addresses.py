"""Credentials within a text: in an address, in a connection string, in JSON. Pure; variables in it are blank.

Every repetition that may fail at its end is bounded: files may be made to keep us busy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from controller.security.blanks import BLANK
from controller.security.credentials import holds, is_credential_name
from controller.security.tokens import without_tokens


class Login(NamedTuple):
    """A password in a text, and whose it is where that is said."""

    user: str
    password: str


_URL = re.compile(r"(?<![a-zA-Z0-9+.-])[a-zA-Z][a-zA-Z0-9+.-]{0,31}://([^\s/:@]{0,256}):([^\s@]{1,512})@")
_OTHER = (
    re.compile(r"(?:^|[\s\"'])([^\s:@/\"']{1,128}):(\S{1,512})@(?:tcp|unix|udp)\("),  # Go's MySQL driver
    re.compile(r"\bjdbc:oracle:[a-z0-9]{1,8}:([^\s/@]{1,128})/([^\s/]{1,256}|[^\s@]{1,256})@", re.IGNORECASE),
)
_PAIR = re.compile(r"(?:^|[\s;?&])([A-Za-z][\w-]{0,63})=([^\s;&'\"]{1,4096})")
_SPACED = re.compile(r";\s{0,4}([A-Za-z][\w-]{0,63})\s{0,4}=\s{0,4}([^\s;&'\"]{1,4096})")
_JSON = re.compile(r"\"([\w.-]{1,64})\"\s{0,8}:\s{0,8}\"([^\"\n]{1,4096})\"")
_HOST = re.compile(rf"[\d{BLANK}]*/")
"""What stands before the password's end is a port, and the `@` belongs to a path."""
_TEMPLATE = ("<", "{{", "%(", "*")
_SPOKEN = frozenset({"PASSWORD", "PASS", "PWD"})
_USER = re.compile(r"(?<=//)(?:[^/\s]{1,1024}|[^\s/:@]{0,256}:[^\s@]{1,512})(?=@)")
"""Up to the last `@`: a password may hold one."""


def address_login(text: str) -> Login | None:
    """The first password in an address or a connection string."""
    return next(_logins(text), None)


def _logins(text: str) -> Iterator[Login]:
    if "@" in text:
        for form in (_URL, *_OTHER):
            found = (Login(one[1], one[2]) for one in form.finditer(text))
            yield from (one for one in found if _is_one(one))
    if "=" in text:
        for name, value in (*_PAIR.findall(text), *_SPACED.findall(text)):
            if is_credential_name(name, value) and _is_one(Login("", value)):
                yield Login("", value)


def _is_one(login: Login) -> bool:
    if login.password in _SPOKEN and login.user.isupper():  # `USER:PASSWORD@HOST` of a manual
        return False
    return holds(login.password) and not login.password.startswith(_TEMPLATE) and _HOST.match(login.password) is None


def json_pairs(text: str) -> list[tuple[str, str]]:
    """Names and texts of JSON, wherever it stands in a text."""
    return _JSON.findall(text) if '"' in text else []


def without_secrets(told: str) -> str:
    """A text about what stands there, without the password of an address or a connection string and without tokens."""
    told = _USER.sub("…", told)
    for form in _OTHER:
        told = form.sub(_hidden, told)
    for form in (_PAIR, _SPACED):
        told = form.sub(lambda found: _hidden(found) if is_credential_name(found[1], found[2]) else found[0], told)
    return without_tokens(told)


def _hidden(found: re.Match[str]) -> str:
    """All of it but the second group, which is a password."""
    start, end = found.start(), found.start(2)
    return f"{found.string[start:end]}…{found.string[found.end(2) : found.end()]}"
