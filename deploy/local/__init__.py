"""The embedded launcher: real engines from wheels, every process of the supergraph, one command.

`supergraph up` is the entry. `components` names what there is, `topology` says where it is, `children` what runs and
what it needs; `process` keeps it running; `engines` are the stores (usable on their own, which is what the tests do).
"""
