"""What every answer of ours says to browsers, whatever it is an answer to."""

from __future__ import annotations

from collections.abc import Mapping

EXACT = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
}
FORBIDDEN = ("access-control-allow-origin", "server", "x-powered-by", "set-cookie")
NONE = ("default-src", "base-uri", "form-action", "frame-ancestors")


def check_headers(headers: Mapping[str, str]) -> None:
    """All but the cache, which pages may use."""
    assert {name: headers.get(name) for name in EXACT} == EXACT
    assert [name for name in FORBIDDEN if name in headers] == []
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert {policy[name] for name in NONE} == {"'none'"}
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"] and "*" not in headers["content-security-policy"]
    assert "camera=()" in headers["permissions-policy"]
