"""Senses nothing, decides nothing: hands one message to one channel, through apprise or as Alertmanager would."""

from __future__ import annotations

import json
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from controller.alerts.notices import body_of, title_of
from controller.model.alert import Alert, Severity
from controller.model.channel import Channel
from controller.model.errors import ControllerError

TIMEOUT = 10.0
"""Seconds for one message to an Alertmanager webhook; apprise has 4 for connecting and 4 for the answer."""

_SECRET = re.compile(r"[^/?&=:@.\s]{6,}")


class NotSent(ControllerError):
    """A channel did not take a message."""


def send(channel: Channel, alert: Alert, environment: Mapping[str, str]) -> None:
    """Have it told, now. Raises NotSent, which never quotes the address."""
    address = read_address(channel, environment)
    try:
        if channel.alertmanager:
            _post(address, alertmanager_message(channel.name, alert))
        else:
            _notify(address, alert)
    except NotSent:
        raise
    except Exception as error:  # whatever a library says of an address may quote it
        raise NotSent(f"its address cannot be used ({type(error).__name__})") from None


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


def _notify(address: str, alert: Alert) -> None:
    import apprise  # late: it takes half a second, and 30 MB

    kinds = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}
    kind = "success" if alert.resolved_at is not None else kinds[alert.severity]
    said: list[str] = []
    target = apprise.Apprise(log_callback=lambda entry, _: said.append(entry.message), log_level=logging.WARNING)
    if not target.add(address):
        raise NotSent("apprise does not know such an address", hint="see https://appriseit.com for how it is written")
    if not target.notify(title=title_of(alert), body=body_of(alert), notify_type=kind):
        raise NotSent(_hide(said[0], address) if said else "it was not taken")


def _hide(text: str, address: str) -> str:
    """Without anything that could be part of the address."""
    for part in sorted(set(_SECRET.findall(address)), key=len, reverse=True):
        text = text.replace(part, "***")
    return text.strip().rstrip(".")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A message that is sent on as a GET elsewhere is lost."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(address: str, message: Mapping[str, Any]) -> None:
    if not address.startswith(("http://", "https://")):
        raise NotSent("an Alertmanager webhook has an address that begins with http:// or https://")
    body = json.dumps(message).encode()
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})  # noqa: S310 - see above
        with opener.open(request, timeout=TIMEOUT):
            return
    except urllib.error.HTTPError as error:
        error.close()
        raise NotSent(f"it answered {error.code}") from None
    except urllib.error.URLError as error:
        raise NotSent(_tell(error.reason)) from None
    except (OSError, ValueError) as error:
        raise NotSent(_tell(error)) from None


def _tell(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return f"no answer within {TIMEOUT:g} s"
    return getattr(reason, "strerror", None) or type(reason).__name__


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
