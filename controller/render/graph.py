"""The dependency graph of a stack for eyes and for tools: text, dot, mermaid, data. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from controller.decide.graph import Graph, batches, build_graph, critical_path
from controller.model.desired import Condition, DesiredStack, Need
from controller.render.paint import Paint, clean, plain
from controller.render.text import span

_WORDS = {Condition.STARTED: "started", Condition.HEALTHY: "healthy", Condition.COMPLETED: "completed"}


@dataclass(frozen=True, slots=True)
class StackGraph:
    """A stack's graph with the learned seconds to ready of each service (None: never measured)."""

    stack: str
    graph: Graph
    usually: Mapping[str, float | None]

    @property
    def critical_seconds(self) -> float | None:
        """Seconds along the critical path; None while one of its services was never measured."""
        times = [self.usually.get(name) for name in critical_path(self.graph)]
        known = [seconds for seconds in times if seconds is not None]
        return sum(known) if len(known) == len(times) else None


def graph_of(stack: DesiredStack, usually: Callable[[str], float | None]) -> StackGraph:
    """The graph of what is wanted; `usually`: learned seconds to ready."""
    times = {name: usually(name) for name in stack.services}
    needs = {name: service.needs for name, service in stack.services.items()}
    return StackGraph(stack.name, build_graph(needs, lambda name: times[name] or 1.0), times)


def graph_lines(stacks: Sequence[StackGraph], *, paint: Paint = plain) -> list[str]:
    """Batches that start together, each service with what it needs, and the critical path."""
    blocks = [_block(stack, paint) for stack in stacks]
    return [line for index, block in enumerate(blocks) for line in ([""] if index else []) + block]


def _block(stack: StackGraph, paint: Paint) -> list[str]:
    path = critical_path(stack.graph)
    width = max((len(clean(name)) for name in stack.graph.order), default=0)
    lines = [paint(clean(stack.stack), "bold")]
    for number, batch in enumerate(batches(stack.graph), 1):
        lines.append(f"  batch {number}")
        lines += [_service(stack, name, name in path, width, paint) for name in batch]
    return [*lines, f"  critical path (*): {' → '.join(clean(name) for name in path)} ({_total(stack)})"]


def _service(stack: StackGraph, name: str, critical: bool, width: int, paint: Paint) -> str:
    needs = ", ".join(_need(dep, need) for dep, need in stack.graph.needs[name].items())
    text = f"{clean(name):<{width}}"
    usual = stack.usually.get(name)
    told = [f"needs {needs}" if needs else "", f"usually {span(usual)}" if usual is not None else ""]
    marked = f"{'*' if critical else ' '} {paint(text, 'bold') if critical else text}"
    return f"    {marked}  {paint(' · '.join(part for part in told if part), 'dim')}".rstrip()


def _need(name: str, need: Need) -> str:
    extra = [_WORDS[need.condition], *([] if need.required else ["optional"]), *(["restarts"] if need.restart else [])]
    return f"{clean(name)} ({', '.join(extra)})"


def _total(stack: StackGraph) -> str:
    seconds = stack.critical_seconds
    return "time unknown until measured" if seconds is None else f"usually {span(seconds)}"


def dot_lines(stacks: Sequence[StackGraph]) -> list[str]:
    """Graphviz: an arrow from what is needed to who needs it; the critical path is bold."""
    lines = ["digraph stacks {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    for number, stack in enumerate(stacks):
        path = critical_path(stack.graph)
        lines += [f"  subgraph cluster_{number} {{", f"    label={_quoted(stack.stack)};"]
        for name in stack.graph.order:
            lines.append(f"    {_node(stack, name)} [label={_quoted(name)}{', style=bold' if name in path else ''}];")
        for name in stack.graph.order:
            for dep, need in stack.graph.needs[name].items():
                style = "" if need.required else ", style=dashed"
                bold = ", penwidth=2" if (dep, name) in set(pairwise(path)) else ""
                arrow = f"{_node(stack, dep)} -> {_node(stack, name)}"
                lines.append(f"    {arrow} [label={_quoted(_WORDS[need.condition])}{style}{bold}];")
        lines.append("  }")
    return [*lines, "}"]


def _node(stack: StackGraph, name: str) -> str:
    return _quoted(f"{stack.stack}/{name}")


def _quoted(text: str) -> str:
    return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def mermaid_lines(stacks: Sequence[StackGraph]) -> list[str]:
    """Mermaid flowchart, as Markdown viewers draw it."""
    lines = ["flowchart LR"]
    for number, stack in enumerate(stacks):
        ids = {name: f"s{number}n{index}" for name, index in stack.graph.index.items()}
        lines.append(f'  subgraph g{number}["{_escaped(stack.stack)}"]')
        lines += [f'    {ids[name]}["{_escaped(name)}"]' for name in stack.graph.order]
        for name in stack.graph.order:
            for dep, need in stack.graph.needs[name].items():
                arrow = "-->" if need.required else "-.->"
                lines.append(f"    {ids[dep]} {arrow}|{_WORDS[need.condition]}| {ids[name]}")
        lines.append("  end")
    return lines


def _escaped(text: str) -> str:
    return clean(text).replace('"', "#quot;")


def graph_data(stacks: Sequence[StackGraph]) -> dict[str, Any]:
    """`graph -o json`."""
    return {"stacks": [stack_graph_data(stack) for stack in stacks]}


def stack_graph_data(stack: StackGraph) -> dict[str, Any]:
    """One of them."""
    return {
        "name": stack.stack,
        "services": [{"name": name, "usuallySeconds": stack.usually.get(name)} for name in stack.graph.order],
        "edges": [
            {
                "from": dep,
                "to": name,
                "condition": str(need.condition),
                "required": need.required,
                "restart": need.restart,
            }
            for name in stack.graph.order
            for dep, need in stack.graph.needs[name].items()
        ],
        "batches": [list(batch) for batch in batches(stack.graph)],
        "criticalPath": list(critical_path(stack.graph)),
        "criticalSeconds": stack.critical_seconds,
    }
