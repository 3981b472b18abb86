"""Tokens that are known by their form, as detect-secrets and gitleaks know them. Pure; none is part of an answer."""

from __future__ import annotations

import re
from typing import NamedTuple

# Every repetition that may fail at its end is bounded: files may be made to keep us busy.
LONGEST = 65536
"""Characters of a text in which one is looked for."""
_FORMS = (
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})\b")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a Slack webhook", re.compile(r"https://hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+")),
    ("a Stripe key", re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,}")),
    ("a Google key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("an Anthropic key", re.compile(r"\bsk-ant-[A-Za-z0-9_-]{20,}")),
    ("an OpenRouter key", re.compile(r"\bsk-or-v1-[0-9a-f]{32,}")),
    ("an OpenAI key", re.compile(r"\bsk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{40,})")),
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{34,}\b")),
    ("an npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("a PyPI token", re.compile(r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}")),
    ("a Docker Hub token", re.compile(r"\bdckr_pat_[A-Za-z0-9_-]{20,}")),
    ("a DigitalOcean token", re.compile(r"\bdo[opr]_v1_[0-9a-f]{64}\b")),
    ("a Telegram token", re.compile(r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])")),
    ("a SendGrid key", re.compile(r"\bSG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}")),
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")),
    ("a private key", re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]{40,}")),
    ("a JSON Web Token", re.compile(r"\beyJ[A-Za-z0-9_-]{8,2048}\.eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,}")),
    ("a Vault token", re.compile(r"\bhvs\.[A-Za-z0-9_-]{24,}")),
)  # fmt: skip


class Token(NamedTuple):
    """One that is in a text. `kind`: `a GitHub token`."""

    kind: str
    text: str


def token_in(value: str) -> Token | None:
    """The first of a known kind."""
    found = ((kind, form.search(value, 0, LONGEST)) for kind, form in _FORMS)
    return next((Token(kind, one[0]) for kind, one in found if one is not None), None)


def credential_in(value: str) -> str | None:
    """What known kind of token is in a text: `a GitHub token`; None: none."""
    found = token_in(value)
    return found.kind if found is not None else None


def without_tokens(told: str) -> str:
    """The text with each of them left out."""
    for _, form in _FORMS:
        told = form.sub("…", told)
    return told
