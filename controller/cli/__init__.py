"""The command line: parse, call, print. `main` wires everything; each family of commands is one file."""
