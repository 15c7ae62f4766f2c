"""The one base of what stops a start.

LaunchError
├── ApolloError       Apollo Router is not there, or cannot be had (apollo)
├── ArchiveError      a backup cannot be written, or is not whole (backup.archive)
│   └── RestoreError  it cannot be restored here (backup.restore)
├── BalancerError     the balancer does not follow (balancer)
├── ComponentError    components or addresses that do not fit together (components, topology)
├── ControlError      a running launcher refused, or went away (control)
├── DataFolderError   the data folder is held or closed (data_folder)
├── EngineError       a store cannot be started (engines)
├── ExposureError     nothing of that name to allow (exposure)
├── NodeError         the router's packages are missing (node)
├── NotRunningError   a command needs a system that does not run (running)
├── PortError         a port is taken (ports)
├── RestartError      a service cannot be restarted so (rolling)
├── StartError        a child does not come up (process.runner)
└── TemplateError     the edge's template and its values differ (edge)
"""


class LaunchError(Exception):
    """The message says what happened and what to do; it is shown to the person as it is."""
