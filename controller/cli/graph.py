"""`graph`: dependencies, batches and the critical path."""

from __future__ import annotations

import click

from controller.cli.options import Options, takes_options

FORMATS = ("text", "dot", "mermaid", "json")


@click.command()
@click.option("--format", "form", type=click.Choice(FORMATS), help="Same as -o, with dot and mermaid.")
@takes_options()
def graph(options: Options, form: str | None) -> int:
    """Dependencies, the batches that start together, and the critical path with learned times."""
    from controller.cli.render.graph import dot_lines, graph_data, graph_lines, mermaid_lines
    from controller.cli.session import open_session
    from controller.cli.terminal import paint_for, print_data, print_lines

    with open_session(options) as session:
        stacks = session.graphs()
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
