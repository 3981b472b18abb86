"""`graph`: dependencies, batches and the critical path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from controller.cli.options import Options, takes_options

if TYPE_CHECKING:
    from controller.render.graph import StackGraph

FORMATS = ("text", "dot", "mermaid", "json")


@click.command()
@click.option("--format", "form", type=click.Choice(FORMATS), help="Same as -o, with dot and mermaid.")
@takes_options()
def graph(options: Options, form: str | None) -> int:
    """Dependencies, the batches that start together, and the critical path with learned times."""
    from controller.cli.terminal import paint_for, print_data, print_lines
    from controller.render.graph import dot_lines, graph_data, graph_lines, mermaid_lines

    stacks = _read(options)
    if form == "dot":
        print_lines(dot_lines(stacks))
    elif form == "mermaid":
        print_lines(mermaid_lines(stacks))
    elif form == "json" or options.structured:
        print_data(graph_data(stacks), options)
    elif options.output == "name":
        print_lines(f"{stack.stack}/{name}" for stack in stacks for name in stack.graph.order)
    else:
        print_lines(graph_lines(stacks, paint=paint_for(options)))
    return 0


def _read(options: Options) -> list[StackGraph]:
    from controller.cli.engine import open_engine
    from controller.cli.reading import learned_times, read_all
    from controller.render.graph import graph_of

    with open_engine(options) as engine:
        reads = read_all(options, engine).whole().reads
        wanted = [read.stack for read in reads if read.stack is not None]
        return [graph_of(stack, learned_times(engine, stack).get) for stack in wanted]
