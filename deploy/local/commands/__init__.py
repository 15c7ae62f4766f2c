"""Subcommands of `supergraph`, one a module.

Each is something with `register(subcommands)` (the module itself, or its `COMMAND`), which adds its parser and sets
`run` to a function from the parsed options to an exit code. A LaunchError that it raises is shown as its message.
"""
