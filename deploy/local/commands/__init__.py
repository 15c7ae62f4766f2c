"""Subcommands of `supergraph`, one a module.

Each has `register(subcommands)`, which adds its parser and sets `run` to a function from the parsed options to
an exit code. A LaunchError it raises is shown as its message.
"""
