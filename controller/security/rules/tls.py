"""W: ways that are open to whoever is on them, and checks of certificates that are switched off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from controller.security.arguments import Call, Word, calls
from controller.security.credentials import name_words, told_name
from controller.security.reading import Keys, deep, pairs, text, texts
from controller.security.subject import Checks, Hit, Project, Subject

TLS = Checks()


def _calls(one: Subject) -> Iterator[tuple[Keys, Call]]:
    for path in (("command",), ("entrypoint",), ("healthcheck", "test")):
        found = deep(one.model, *path)
        said = text(found) or texts(found)
        yield from ((path, call) for call in (calls(said) if said else ()))


# --- the engine's API

_LOCAL = re.compile(r"(tcp://)?(127\.|localhost(:|$)|\[::1\])", re.IGNORECASE)
_REMOTE = re.compile(r"(tcp|http)://|[^:/\s]+:\d+$", re.IGNORECASE)
"""An address that the docker command takes as TCP: it needs no scheme."""
_NO = ("false", "0")


@TLS.service(
    "W12", "high", "the Docker API without TLS",
    why="Whoever can reach it, or listen on the way, is root of that host.",
    fix="use ssh:// or TLS with client certificates (DOCKER_TLS_VERIFY=1)",
    refs="CIS 2.7, OWASP 1",
)  # fmt: skip
def plain_api(one: Subject) -> Iterator[Hit]:
    variables = dict(pairs(one.model.get("environment")))
    address = variables.get("DOCKER_HOST") or ""
    secured = variables.get("DOCKER_TLS_VERIFY") or variables.get("DOCKER_TLS")
    if _REMOTE.match(address) and not secured and not _LOCAL.match(address):
        yield Hit(("environment", "DOCKER_HOST"), f"DOCKER_HOST is {address}, without TLS", "DOCKER_HOST")
    yield from _once_each(one, _plain_host, "it opens the Docker API, or speaks to it, without TLS")


def _once_each(one: Subject, find: Callable[[Call], str], message: str) -> Iterator[Hit]:
    """Of the calls of each command the first in which something is found; that is its place."""
    told: set[Keys] = set()
    for path, call in _calls(one):
        place = find(call)
        if place and path not in told:
            told.add(path)
            yield Hit(path, message, place)


def _plain_host(call: Call) -> str:
    """The address of `-H tcp://…`, where no option asks for TLS; "" for none."""
    words = [word.text for word in call]
    if any(word.startswith("--tls") and word.partition("=")[2].lower() not in _NO for word in words):
        return ""
    for before, word in zip(("", *words), words, strict=False):
        option, _, value = word.partition("=")
        host = word if before in ("-H", "--host") else value if option in ("-H", "--host") else word.removeprefix("-H")
        if host.lower().startswith("tcp://") and (host != word or before in ("-H", "--host")):
            return host
    return ""


# --- certificates

_FALSE = ("false", "0", "no", "off", "none")
_TRUE = ("true", "1", "yes", "on")
_CHECKS = (
    "_SSL_VERIFY", "_VERIFY_SSL", "_TLS_VERIFY", "_VERIFY_TLS", "_REQUESTS_VERIFY", "_PYTHONHTTPSVERIFY",
    "_VERIFY_CERT", "_VERIFY_CERTS", "_VERIFY_CERTIFICATE", "_VERIFY_CERTIFICATES", "_VERIFY_SERVER_CERTIFICATE",
    "_VERIFY_PEER", "_REJECT_UNAUTHORIZED", "_STRICT_SSL", "_SSL_CERT_REQS", "_SSL_VERIFICATION_MODE",
    "_SSL_VERIFICATIONMODE",
)  # fmt: skip
"""Ends of names that are bad where they are off."""
_SKIPS = (
    "_NO_VERIFY_SSL", "_SSL_NO_VERIFY", "_SKIP_VERIFY", "_SKIP_TLS_VERIFY", "_SKIP_SSL_VERIFY", "_TLSSKIPVERIFY",
    "_TLS_INSECURE", "_SSL_INSECURE", "_INSECURE_TLS", "_INSECURE_SSL", "_CURL_INSECURE", "_NO_CHECK_CERTIFICATE",
    "_TRUST_SERVER_CERTIFICATE", "_ALLOW_INVALID_CERTIFICATES", "_ALLOW_INVALID_HOSTNAMES",
)  # fmt: skip
"""Ends of names that are bad where they are on."""
_INSIDE = ("_VERIFY", "_USE_SSL")
"""The same of what stands within a value: as a whole variable it may be about anything."""
_MODES = ("_SSLMODE", "_PGSSLMODE")
"""Whose values are words of their own."""
_SAID = frozenset((*_FALSE, *_TRUE, "disable", "allow"))
_SETTING = re.compile(r"(?:^|[\s?&;,])-{0,2}([A-Za-z][\w.-]{0,63})=([A-Za-z0-9]{1,16})(?![\w.-])")
_CURL = re.compile(r"--insecure|-[0-46aBfgGiIjlLMnNOpqRsSvVZ#]*k[a-zA-Z]*")
"""Alone, or behind letters that take nothing."""


@TLS.service(
    "W13", "medium", "certificates not checked",
    why="Whoever is on the way can pretend to be the other side.",
    fix="trust the authority that signed the certificate, and leave checking on",
)  # fmt: skip
def unchecked(one: Subject) -> Iterator[Hit]:
    for name, value in pairs(one.model.get("environment")):
        if value and (_is_off(name, value) or any(_is_off(*pair, inside=True) for pair in _settings(value))):
            yield Hit(("environment", name), f"{told_name(name)} switches it off", name)
    yield from _once_each(one, _switch, "an argument switches it off")


def _settings(value: str) -> list[tuple[str, str]]:
    return _SETTING.findall(value) if "=" in value else []


def _is_off(name: str, value: str, *, inside: bool = False) -> bool:
    said = value.strip().lower()
    if said not in _SAID:
        return False
    called = "_".join(("", *name_words(name)))
    if said in _FALSE:
        return called.endswith(_CHECKS) or (inside and called in _INSIDE)
    return called.endswith(_SKIPS) if said in _TRUE else called in _MODES


def _switch(call: Call) -> str:
    """The word that switches it off: an option, a setting, or one whose value follows; "" for none."""
    is_curl = False
    for word, following in zip(call, (*call[1:], Word("")), strict=True):
        is_curl = is_curl or word.text.rsplit("/", 1)[-1] == "curl"
        options = [(word.text, "true")] if word.text.startswith("-") and "=" not in word.text else []
        followed = [(word.text, following.text)] if len(name_words(word.text)) > 1 else []
        if (is_curl and _CURL.fullmatch(word.text)) or any(_is_off(*one) for one in (*options, *followed)):
            return word.text
        if any(_is_off(*pair, inside=True) for pair in _settings(word.text)):
            return word.text
    return ""


# --- between services


@TLS.project(
    "W14", "medium", "dependency without TLS",
    why="The policy asks for TLS between services, and this way is open to whoever is on the network.",
    fix="add both to security.tls.services",
)  # fmt: skip
def plain_edges(project: Project) -> Iterator[Hit]:
    covered = project.standards.tls
    if covered is None:
        return
    for edge in sorted(project.edges, key=sorted):
        bare = sorted(name for name in edge if covered and name not in covered and name in project.services)
        for name in bare:
            other = next(iter(edge - {name}), name)
            yield Hit(("services", name), f"it speaks with {other} and has no certificate")
