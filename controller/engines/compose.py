"""Docker Compose as a child process: what it makes of a project, and the few things that only it does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from controller import failpoints
from controller.engines.errors import lacks_plugin, map_exit
from controller.engines.plugin import find_plugin
from controller.engines.runner import Command, Result, check, join, run, which
from controller.engines.transport import Endpoint
from controller.model.errors import Finding, InvalidInput, Transient
from controller.model.project import ComposeProject, RenderedProject

_WARNING = re.compile(r'level=warning msg="((?:[^"\\]|\\.)*)"')
_LINE = re.compile(r"\bline (\d+)(?:, column (\d+))?")
_PATH = re.compile(r"\b((?:services|networks|volumes|configs|secrets|include)(?:\.[\w\-./]+)+)")
_LEVEL = re.compile(r'^time="[^"]*" level=(?:error|fatal) msg="(.*)"$')


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


def read_warnings(stderr: str) -> tuple[str, ...]:
    """Compose's warnings, each once, in its order."""
    return tuple(dict.fromkeys(re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(stderr)))


def read_complaint(stderr: str, files: Sequence[Path]) -> Finding:
    """Compose's last words as a finding, with the place that they name."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not _WARNING.search(line)]
    text = "; ".join(lines[-3:]) or "docker compose config failed without a word"
    if fatal := _LEVEL.match(text):
        text = fatal.group(1)
    line, path = _LINE.search(text), _PATH.search(text)
    named = [str(file) for file in files if str(file) in text]
    file = named[0] if named else str(files[0]) if len(files) == 1 else None
    return Finding(
        message=text.removeprefix(f"validating {file}: "),
        file=file,
        line=int(line.group(1)) if line else None,
        column=int(line.group(2)) if line and line.group(2) else None,
        path=path.group(1).rstrip(".") if path else None,
    )


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
    """Start what is created or stopped of one service with its hooks and injected files; replaces nothing."""
    arguments = ("up", "--detach", "--no-deps", "--no-recreate", "--no-build", "--quiet-pull")
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
