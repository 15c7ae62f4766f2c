"""Child processes: one of them (`child`), its life (`runner`), all of them in order (`supervisor`).

`parent_death` ties a child to us, `probes` ask whether it serves, `output` reads what it writes, and `wait_pid` waits
for a process that is no child of ours.
"""
