"""Docker Compose as a child process: what it makes of a project, and the few things that only it does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from controller import failpoints
from controller.engines.complaints import read_complaint, read_warnings
from controller.engines.errors import lacks_plugin, map_exit
from controller.engines.plugin import find_plugin
from controller.engines.runner import Command, Result, check, join, run, which
from controller.engines.transport import Endpoint
from controller.model.errors import InvalidInput, Transient
from controller.model.project import ComposeProject, RenderedProject


def render(project: ComposeProject, endpoint: Endpoint, *, deadline: float) -> RenderedProject:
    """`docker compose config`. Raises InvalidInput with Compose's own words; needs no daemon."""
    command = compose_command(project, endpoint, ("config", "--format", "json"))
    result = run(command, deadline=deadline)
    if result.code != 0:
        if result.code < 0 or lacks_plugin(result.stderr):
            raise map_exit(command.name, result.code, result.stderr)
        raise InvalidInput((read_complaint(result.stderr, project.files),))
    try:
        model = json.loads(result.stdout)
        return RenderedProject(name=model["name"], model=model, warnings=read_warnings(result.stderr))
    except (ValueError, KeyError, TypeError) as error:
        raise Transient(f"{command.name}: its output is no project") from error


def compose_command(project: ComposeProject, endpoint: Endpoint, arguments: Sequence[object]) -> Command:
    """A call of `docker compose` for this project.

    Built here and not by python-on-whales, whose import costs as much as the call; a test holds the two equal.
    """
    files = [part for file in project.files for part in ("--file", file)]
    profiles = [part for profile in project.profiles for part in ("--profile", profile)]
    env_files = [part for file in project.env_files for part in ("--env-file", file)]
    name = ("--project-name", project.name) if project.name else ()
    directory = ("--project-directory", project.directory)
    launcher = _launcher(project.environment, endpoint)
    argv = join((*launcher, *files, *profiles, *env_files, *name, *directory, *arguments))
    return Command(f"docker compose {arguments[0]}", argv, project.environment, project.directory)


def _launcher(environment: Mapping[str, str], endpoint: Endpoint) -> tuple[str, ...]:
    """The plugin itself where a socket is all that it has to know; else the Docker CLI, which knows keys and hosts.

    The socket is no variable: it would be one for interpolation as well.
    """
    plugin = find_plugin(environment) if endpoint.socket_path is not None and endpoint.context is None else None
    if plugin is not None:
        return (plugin, *endpoint.arguments)
    return (which("docker", environment), *endpoint.arguments, "compose")


def start_service(project: ComposeProject, endpoint: Endpoint, service: str, count: int, *, deadline: float) -> None:
    """Start what is created or stopped of one service with its hooks and injected files; replaces nothing.

    Nor is anything pulled: the files may ask for an image that is still on its way, or cannot be had.
    """
    arguments = ("up", "--detach", "--no-deps", "--no-recreate", "--no-build", "--pull", "never")
    scale = ("--scale", f"{service}={count}")
    with failpoints.around("compose.up"):
        check(compose_command(project, endpoint, (*arguments, *scale, service)), deadline=deadline)


def pull_service(project: ComposeProject, endpoint: Endpoint, service: str, *, deadline: float) -> None:
    with failpoints.around("compose.pull"):
        check(_by_whales(project, endpoint, ("pull", "--quiet", service)), deadline=deadline)


def build_service(project: ComposeProject, endpoint: Endpoint, service: str, *, deadline: float) -> None:
    with failpoints.around("compose.build"):
        check(_by_whales(project, endpoint, ("build", "--quiet", service)), deadline=deadline)


def read_version(project: ComposeProject, endpoint: Endpoint, *, deadline: float) -> str:
    """Compose's version without a leading `v`."""
    result = check(compose_command(project, endpoint, ("version", "--short")), deadline=deadline)
    return result.stdout.decode("utf-8", "replace").strip().removeprefix("v")


def record_requests(project: ComposeProject, socket: Path, services: Sequence[str], *, deadline: float) -> Result:
    """Let Compose create every service once against the daemon at `socket`, which is to be a recorder."""
    scales = [part for service in services for part in ("--scale", f"{service}=1")]
    arguments = ("create", "--no-build", "--pull", "never", *scales)
    return run(compose_command(project, Endpoint(f"unix://{socket}"), arguments), deadline=deadline)


def _by_whales(project: ComposeProject, endpoint: Endpoint, arguments: Sequence[str]) -> Command:
    """The same call with python-on-whales' argv: for steps that take seconds, where its import does not count."""
    return replace(compose_command(project, endpoint, arguments), argv=whales_argv(project, endpoint, arguments))


def whales_argv(project: ComposeProject, endpoint: Endpoint, arguments: Sequence[str]) -> tuple[str, ...]:
    """The argv that python-on-whales runs for a Compose command of this project."""
    from python_on_whales import DockerClient

    client = DockerClient(
        host=None if endpoint.context else endpoint.host,
        context=endpoint.context,
        compose_files=list(project.files),
        compose_profiles=list(project.profiles),
        compose_env_files=list(project.env_files),
        compose_project_name=project.name,
        compose_project_directory=project.directory,
        client_call=[which("docker", project.environment)],
    )
    return join((*client.client_config.docker_compose_cmd, *arguments))
