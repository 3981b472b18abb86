"""Senses nothing, decides nothing: has one message brought to one channel, by apprise or as Alertmanager would."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from controller.alerts.errand import PATIENCE
from controller.alerts.notices import body_of, title_of
from controller.model.alert import Alert, Severity
from controller.model.channel import Channel
from controller.model.errors import ControllerError
from controller.model.receivers import refuse_url

_WAYS_OUT = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_KEPT = frozenset(
    ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "PYTHONDONTWRITEBYTECODE", *_TRUST, *_WAYS_OUT, *map(str.lower, _WAYS_OUT))
)
"""What a messenger needs of the environment: the ways out, and whom to trust."""

_HINTS = {"apprise does not know such an address": "see https://appriseit.com for how it is written"}
_SECRET = re.compile(r"[^/?&=:@.\s]{6,}")


class NotSent(ControllerError):
    """A channel did not take a message."""


def send(channel: Channel, alert: Alert, environment: Mapping[str, str]) -> None:
    """Have it told, now, by a process of its own. Raises NotSent, which never quotes the address."""
    address = read_address(channel, environment)
    if channel.alertmanager and not address.startswith(("http://", "https://")):
        raise NotSent("an Alertmanager webhook has an address that begins with http:// or https://")
    if (why := refuse_url(address)) is not None:
        raise NotSent(why, hint="docs/alerts.md says where messages may go")
    if channel.alertmanager:
        trouble = _bring({"address": address, "body": alertmanager_message(channel.name, alert)}, environment)
    else:
        trouble = _bring(_notice(address, alert), environment)
    if trouble:
        raise NotSent(_hide(trouble, address), hint=_HINTS.get(trouble))


def read_address(channel: Channel, environment: Mapping[str, str]) -> str:
    """The channel's address, from where the manifest says. Raises NotSent."""
    if channel.url_env is not None:
        if not (address := environment.get(channel.url_env, "").strip()):
            raise NotSent(f"variable {channel.url_env} is not set", hint="set it for the daemon, or use urlFile")
        return address
    if channel.url_file is not None:
        try:
            address = channel.url_file.read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise NotSent(f"{channel.url_file}: {getattr(error, 'strerror', None) or 'is no text'}") from error
        if not address:
            raise NotSent(f"{channel.url_file}: is empty", hint="put the channel's address there")
        return address
    return channel.url or ""


def _notice(address: str, alert: Alert) -> Mapping[str, Any]:
    kinds = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}
    kind = "success" if alert.resolved_at is not None else kinds[alert.severity]
    return {"address": address, "title": title_of(alert), "text": body_of(alert), "kind": kind}


def _bring(message: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Why it was not taken; "": it was. The address is on no command line and in no environment."""
    kept = {name: value for name, value in environment.items() if name in _KEPT or name.startswith("LC_")}
    home = str(Path(__file__).parents[2])
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "controller.alerts.errand"],
            input=json.dumps(message).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, "PYTHONPATH": home},
            cwd="/",
            start_new_session=True,
            timeout=PATIENCE,
            check=False,
        )
        return str(json.loads(done.stdout)["trouble"])
    except subprocess.TimeoutExpired:
        return f"it was not through with it within {PATIENCE} s"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"nobody could be sent ({getattr(error, 'strerror', None) or 'the messenger died'})"


def _hide(text: str, address: str) -> str:
    """Without anything that could be part of the address."""
    for part in sorted(set(_SECRET.findall(address)), key=len, reverse=True):
        text = text.replace(part, "***")
    return text.strip().rstrip(".")


def alertmanager_message(receiver: str, alert: Alert) -> Mapping[str, Any]:
    """Version 4 of the format (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config)."""
    state = "firing" if alert.resolved_at is None else "resolved"
    labels = {**alert.labels, "alertname": alert.rule, "severity": str(alert.severity), "stack": alert.stack}
    if alert.service is not None:
        labels["service"] = alert.service
    annotations = {"summary": title_of(alert), "description": body_of(alert)}
    one = {
        "status": state,
        "labels": labels,
        "annotations": annotations,
        "startsAt": _instant(alert.since),
        "endsAt": "0001-01-01T00:00:00Z" if alert.resolved_at is None else _instant(alert.resolved_at),
        "generatorURL": "",
        "fingerprint": alert.id,
    }
    return {
        "version": "4",
        "groupKey": f"{{}}:{{stack={json.dumps(alert.stack)}, id={json.dumps(alert.id)}}}",
        "truncatedAlerts": 0,
        "status": state,
        "receiver": receiver,
        "groupLabels": {"stack": alert.stack},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "",
        "alerts": [one],
    }


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
