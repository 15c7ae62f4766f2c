"""`python -m subgraphs.users serve | migrate | schema | config | users | keys`."""

from subgraphs.kit import cli

SERVICE = cli.Service(
    name="users",
    summary="The users subgraph: accounts, sessions, permissions.",
    settings="subgraphs.users.settings:UsersSettings.load",
    open_app="subgraphs.users.app:open_app",
    sdl="subgraphs.users.graphql.schema:schema.as_str",
    migrate="subgraphs.users.migrations:migrate",
    commands={
        "users": ("subgraphs.users.commands.users:COMMAND",),
        "keys": ("subgraphs.users.commands.keys:COMMAND",),
    },
)

if __name__ == "__main__":
    cli.main(SERVICE)
