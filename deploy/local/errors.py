"""The one base of what stops a start.

LaunchError
├── EngineError    a store cannot be started (engines)
├── FolderError    the data folder is held or closed (folder)
├── NodeError      the router's packages are missing (node)
├── PartError      parts or addresses that do not fit together (parts, layout)
├── PortError      a port is taken (ports)
├── StartError     a child does not come up (keeper)
└── TemplateError  the edge's template and its values differ (edge)
"""


class LaunchError(Exception):
    """The message says what happened and what to do; it is shown to the person as it is."""
