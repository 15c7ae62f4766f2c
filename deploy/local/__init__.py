"""The embedded launcher: real engines from wheels, every process of the supergraph, one command.

`supergraph up` is the entry. `children` says what runs and what it needs, `supervisor` keeps it running,
`engines` are the stores (usable on their own, which is what the tests do).
"""
