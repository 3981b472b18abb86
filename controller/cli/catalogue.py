"""Every command, where its code is and its line in the help: known without loading any of them."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One command: its word, `module:attribute`, its line in the help."""

    word: str
    place: str
    summary: str


CATALOGUE: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Reconcile",
        (
            Entry("run", "run:run", "Keep stacks as their manifests describe them, until told to stop."),
            Entry("plan", "plan:plan", "Show what apply would do, in what order, and how long it takes."),
            Entry("apply", "run:apply", "Converge once and wait until everything is ready."),
        ),
    ),
    (
        "Steer",
        (
            Entry("start", "steer:start", "Start what was stopped, in the order of dependencies."),
            Entry("stop", "steer:stop", "Stop in reverse order; removes nothing, stays stopped."),
            Entry("retry", "steer:retry", "Clear backoff and quarantine and try again at once."),
            Entry("pause", "steer:pause", "Leave services alone until `resume`."),
            Entry("resume", "steer:resume", "End a pause."),
            Entry("adopt", "steer:adopt", "Take a running project over although that replaces something."),
            Entry("release", "steer:release", "Give a project back to plain Compose."),
            Entry("rollout", "rollout:rollout", "Updates: status, history, undo, restart, pause, resume."),
            Entry("confirm", "steer:confirm", "Let a held mass removal happen."),
            Entry("prune", "steer:prune", "Remove a stack's containers and networks, never its volumes."),
            Entry("cleanup", "cleanup:cleanup", "Remove what is unused: leftovers, superseded images, networks."),
        ),
    ),
    (
        "Look",
        (
            Entry("status", "status:status", "Phase of each stack and service."),
            Entry("get", "get:get", "List stacks, services, replicas, revisions, endpoints, events, usage, security …"),
            Entry("describe", "describe:describe", "All that is known of a stack or a service."),
            Entry("why", "describe:why", "Why a service is not ready, down to the root cause."),
            Entry("top", "top:top", "What services and machine use, live."),
            Entry("resources", "resources:resources", "Limits beside what is used; undo, apply, resume."),
            Entry("alerts", "alerts:alerts", "What is wrong and lasts: list, ack, silence, test."),
            Entry("events", "events:events", "What happened, newest last."),
            Entry("logs", "events:logs", "Output of a service's replicas."),
            Entry("graph", "graph:graph", "Dependencies, start batches and the critical path."),
        ),
    ),
    (
        "Check and set up",
        (
            Entry("validate", "manifests:validate", "Check manifests and Compose files; changes nothing."),
            Entry("scan", "scan:scan", "Look for what is insecure, in files and in what runs."),
            Entry("netcheck", "netcheck:netcheck", "Who reaches whom, by really connecting; beside what is declared."),
            Entry("render", "manifests:render", "Print each project as Compose makes it of its files."),
            Entry("schema", "manifests:schema", "JSON Schema of the manifests, for editors."),
            Entry("certs", "certs:certs", "Certificates of services: list, issue, renew, rotate-ca, verify."),
            Entry("doctor", "doctor:doctor", "Check engine, Compose and machine, and say how to mend them."),
            Entry("audit", "audit:audit", "Who did what: show, verify, export."),
            Entry("token", "token:token", "Keys to the API and the dashboard: link, create, list, revoke, rotate."),
            Entry("access", "access:access", "Who may do what through the API: can, list."),
            Entry("secrets", "secrets:secrets", "Values that containers get as files: list, set, rotate, import …"),
            Entry("init", "init:init", "Write a commented manifest for the Compose project here."),
            Entry("ide", "ide:ide", "The editor: init sets it up, status is a line for prompts."),
            Entry("completion", "setup:completion", "Shell completion for bash, zsh or fish."),
            Entry("version", "setup:version", "Version of this program."),
        ),
    ),
)
