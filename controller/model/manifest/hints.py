"""What editors show beside the schema: a sentence for each word of a choice, and snippets to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KINDS = {
    "Stack": "A Compose project, and the policy that keeps it running.",
    "Controller": "What holds for the daemon and all its stacks.",
}

CONDITION = {
    "service_started": "As soon as it was started.",
    "service_healthy": "When it is ready, by its probe or health check.",
    "service_completed_successfully": "When it has ended with 0: it is a job.",
}

CHOICES: Mapping[str, Mapping[str, str]] = {
    "AdjustMode": {
        "off": "Limits stay as they are, and nothing is recommended.",
        "recommend": "Says what limits should be; `controller resources` shows it.",
        "apply": "Sets them, between the `limits` of each service.",
    },
    "Admission": {
        "enforce": "What does not fit the machine waits until there is room.",
        "warn": "It starts, and is told.",
        "off": "Nobody looks.",
    },
    "ContentsPolicy": {
        "roll": "Replicas are replaced when such a file has other contents.",
        "report": "It is told (condition `ContentsChanged`), and nothing is done.",
        "ignore": "Contents do not count.",
    },
    "DriftPolicy": {
        "repair": "What a hand changed is set back.",
        "report": "It is told (condition `Drifted`), and left.",
        "ignore": "It is left.",
    },
    "EngineKind": {
        "compose": "Docker Compose on one machine.",
        "swarm": "Not in this version: refused.",
    },
    "FailureAction": {
        "rollback": "Go back to the last release that was good.",
        "pause": "Stay where it is, and wait for a person.",
        "continue": "Go on: a replica that failed counts as done.",
    },
    "FindingSeverity": {
        "info": "Worth knowing.",
        "low": "Seldom of use to an attacker.",
        "medium": "Of use to an attacker together with something else.",
        "high": "Of use to an attacker by itself.",
        "critical": "Gives the machine away.",
    },
    "IngressMode": {
        "off": "Ports are published by the containers themselves.",
        "auto": "One proxy has the published ports; replicas are replaced behind it without a gap.",
    },
    "LogFormat": {"text": "Lines for people.", "json": "A JSON object a line, for machines."},
    "NetworkPolicy": {
        "off": "Networks are as the Compose file has them.",
        "dependencies": "Two services share a network only where one depends on, or connects to, the other.",
    },
    "Phase": {
        "Pending": "It is to be started, and has not been yet.",
        "Waiting": "It waits for a dependency, or for room.",
        "Starting": "It runs, and is not ready yet.",
        "Ready": "As many replicas as are wanted serve.",
        "Updating": "Its replicas are being replaced.",
        "RollingBack": "Its update failed, and it goes back.",
        "Degraded": "Fewer replicas serve than are wanted.",
        "CrashLoopBackOff": "It ends again and again, and is started with growing pauses.",
        "Failed": "It has failed, and is not tried again by itself.",
        "Completed": "A job that ended with 0.",
        "Paused": "It is left alone until `controller resume`.",
        "Stopped": "It is to stay stopped until `controller start`.",
    },
    "ReloadMode": {
        "roll": "Its replicas are replaced, under its update policy.",
        "signal": "Its main process gets a signal.",
        "exec": "A command is run in each replica.",
    },
    "Scope": {
        "service": "This service alone goes back.",
        "stack": "Everything of this generation goes back.",
    },
    "Severity": {
        "info": "Worth knowing.",
        "warning": "Somebody should look at it soon.",
        "critical": "Somebody should look at it now.",
    },
    "StartupMode": {
        "parallel": "As many at once as dependencies and the machine allow.",
        "sequential": "One service at a time.",
    },
    "TlsMode": {
        "off": "No certificates.",
        "internal": "Each service gets one of the controller's own authority, at `/run/controller/tls`.",
    },
    "Unhealthy": {"restart": "It is started again.", "notify": "It is told, and left."},
    "UpdateOrder": {
        "auto": "`start-first` where nothing forbids it.",
        "stop-first": "The old replica leaves before the new one comes: a gap, and never two at once.",
        "start-first": "The new replica comes before the old one leaves: no gap behind the ingress.",
    },
    "Watch": {
        "settled": "After its successor was watched for `monitor`.",
        "ready": "Once its successor runs, as Swarm does it.",
    },
}
"""By definition of the schema: what each of its words means."""

_HTTP = {"http": {"port": "^${1:8000}", "path": "${2:/ready}"}}


def _snippet(label: str, description: str, body: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "body": body}


DOCUMENTS = [
    _snippet(
        "stack",
        "A Stack beside a Compose file",
        {
            "apiVersion": "controller/v1",
            "kind": "Stack",
            "metadata": {"name": "${1:shop}"},
            "spec": {"compose": {"files": ["${2:../compose.yaml}"]}},
        },
    ),
    _snippet(
        "controller",
        "What holds for the daemon and all its stacks",
        {
            "apiVersion": "controller/v1",
            "kind": "Controller",
            "spec": {"api": {"address": "${1:127.0.0.1:7070}"}},
        },
    ),
]

SNIPPETS: Mapping[str, list[dict[str, Any]]] = {
    "Check": [
        _snippet("http probe", "Ready when it answers with 200 to 399", _HTTP),
        _snippet("tcp probe", "Ready when it accepts connections", {"tcp": {"port": "^${1:5432}"}}),
        _snippet("exec probe", "Ready when a command in it ends with 0", {"exec": ["${1:pg_isready}"]}),
    ],
    "Update": [
        _snippet(
            "without a gap",
            "The new replica first, watched for a while, and back if it fails",
            {"order": "start-first", "monitor": "${1:30s}", "failureAction": "rollback"},
        ),
        _snippet("one at a time", "Never two at once", {"order": "stop-first", "parallelism": "^${1:1}"}),
    ],
    "Ingress": [_snippet("ingress", "One proxy in front of published ports", {"mode": "auto"})],
    "AutoAdjust": [_snippet("limits that follow use", "Between the limits of each service", {"mode": "apply"})],
    "Scan": [_snippet("gate", "What has a finding that is as bad is not started", {"failOn": "${1:high}"})],
}
"""By definition: what a section may begin with."""

BY_NAME: Mapping[tuple[str, str], list[dict[str, Any]]] = {
    ("StackSpec", "services"): [
        _snippet(
            "service with a probe",
            "How many, and when one is ready",
            {"${1:web}": {"replicas": "^${2:2}", "readiness": {"http": {"port": "^${3:8000}", "path": "${4:/ready}"}}}},
        ),
        _snippet(
            "service that is updated without a gap",
            "The new replica first, watched for a while, and back if it fails",
            {"${1:web}": {"update": {"order": "start-first", "monitor": "${2:30s}", "failureAction": "rollback"}}},
        ),
        _snippet(
            "service that waits for another",
            "Until that one is healthy",
            {"${1:web}": {"dependsOn": {"${2:db}": "service_healthy"}}},
        ),
        _snippet("job", "Runs once, and ends with 0", {"${1:migrate}": {"job": True}}),
    ],
    ("StackSpec", "startupProfiles"): [
        _snippet("profile", "A named selection of services", {"${1:dev}": {"services": ["${2:web}"]}})
    ],
    ("ControllerSpec", "alertChannels"): [
        _snippet("channel", "An address in a file", {"${1:ops}": {"urlFile": "${2:/etc/controller/ops.url}"}})
    ],
}
"""By definition and key: entries of what is listed by name."""
