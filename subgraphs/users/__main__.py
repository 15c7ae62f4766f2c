"""`python -m subgraphs.users serve | migrate | schema | config | users | keys`."""

from subgraphs.kit.cli import Service, main
from subgraphs.users.app import open_app
from subgraphs.users.commands import keys, users
from subgraphs.users.graphql.schema import schema
from subgraphs.users.migrations import migrate
from subgraphs.users.settings import UsersSettings

service = Service(
    name="users",
    summary="The users subgraph: accounts, sessions, permissions.",
    settings=UsersSettings.load,
    open_app=open_app,
    sdl=schema.as_str,
    migrate=migrate,
    commands={"users": users.COMMAND, "keys": keys.COMMAND},
)

if __name__ == "__main__":
    main(service)
