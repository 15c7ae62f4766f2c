"""`python -m subgraphs.products serve | migrate | schema | config | products | stock`."""

from subgraphs.kit import cli

SERVICE = cli.Service(
    name="products",
    summary="The products subgraph: the catalogue and the stock, on MongoDB.",
    settings="subgraphs.products.settings:ProductsSettings.load",
    open_app="subgraphs.products.app:open_app",
    sdl="subgraphs.products.graphql.schema:schema.as_str",
    migrate="subgraphs.products.app:migrate",
    commands={
        "products": (
            "subgraphs.products.commands.products:command",
            "subgraphs.products.app:open_import",
            "subgraphs.products.app:open_export",
        ),
        "stock": ("subgraphs.products.commands.stock:command", "subgraphs.products.app:open_reconciliation"),
    },
)

if __name__ == "__main__":
    cli.main(SERVICE)
