"""What a stack wants to be told of, and the controller's channels, out of their manifests. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from controller.intake.findings import at, suggest
from controller.model.alert import FOLLOWING, METRICS, AlertPolicy, Rule, Threshold
from controller.model.channel import Channel
from controller.model.errors import Finding
from controller.model.phases import Phase

if TYPE_CHECKING:
    from controller.model.manifest import Controller, Stack
    from controller.model.manifest.operations import Rule as RuleSection


def read_policy(manifest: Stack | None) -> AlertPolicy:
    """A bare project has the built-in rules, and all channels."""
    if manifest is None:
        return AlertPolicy()
    alerting = manifest.spec.alerting
    return AlertPolicy(alerting.builtin, alerting.channels, alerting.repeat, tuple(map(_rule, alerting.rules)))


def _rule(rule: RuleSection) -> Rule:
    return Rule(
        name=rule.name,
        when=_when(rule),
        lasting=rule.for_,
        severity=rule.severity,
        services=rule.services,
        labels=rule.labels,
        channels=rule.channels,
    )


def _when(rule: RuleSection) -> Phase | Threshold:
    if rule.phase is not None:
        return rule.phase
    assert rule.metric is not None and rule.op is not None and rule.value is not None  # the section sees to that
    return Threshold(rule.metric, rule.op, rule.value)


def check_rules(manifest: Stack | None, services: Collection[str]) -> Iterator[Finding]:
    """Rules that can never hold: a second one of a name, a service that is none, a metric that nobody measures."""
    if manifest is None:
        return
    metrics = manifest.spec.metrics
    measured = {*METRICS, *(metric.name for metric in metrics.custom)}
    names: set[str] = set()
    for number, rule in enumerate(manifest.spec.alerting.rules):
        place = ("spec", "alerting", "rules", number)
        if rule.name in names:
            message = f"a second rule is called '{rule.name}': they are taken for one"
            yield at((*place, "name"), message, hint="give each a name of its own")
        names.add(rule.name)
        for unknown in (name for name in rule.services if name not in services):
            message = f"rule '{rule.name}' is for service '{unknown}', which there is not"
            yield at((*place, "services"), message, hint=suggest(unknown, tuple(services)))
        if rule.metric is not None and rule.metric not in measured:
            message = f"nothing measures '{rule.metric}': the rule never holds"
            hint = suggest(rule.metric, measured) or f"there are: {', '.join(METRICS)}, and those of metrics.custom"
            yield at((*place, "metric"), message, hint=hint)
        elif rule.metric in measured.difference(FOLLOWING) and not metrics.enabled:
            message = f"'{rule.metric}' is not measured while metrics.enabled is false: the rule never holds"
            yield at((*place, "metric"), message, hint="set metrics.enabled: true")


def read_channels(controller: Controller, folder: Path) -> tuple[Channel, ...]:
    """The channels, by name; a file is relative to the manifest's folder."""
    return tuple(
        Channel(
            name=name,
            url=channel.url.get_secret_value() if channel.url is not None else None,
            url_file=folder / channel.url_file if channel.url_file is not None else None,
            url_env=channel.url_env,
            min_severity=channel.min_severity,
            alertmanager=channel.alertmanager,
        )
        for name, channel in sorted(controller.spec.alert_channels.items())
    )
