"""`python -m subgraphs.products serve | migrate | schema | seed FILE | stock reconcile`."""

from subgraphs.kit import cli
from subgraphs.products.app import migrate, open_app, open_reconciliation, open_seeding
from subgraphs.products.commands import seed, stock
from subgraphs.products.graphql.schema import schema
from subgraphs.products.settings import ProductsSettings

cli.main(
    cli.Service(
        name="products",
        summary="The products subgraph: the catalogue and the stock, on MongoDB.",
        settings=ProductsSettings.load,
        open_app=open_app,
        sdl=schema.as_str,
        migrate=migrate,
        commands={"seed": seed.command(open_seeding), "stock": stock.command(open_reconciliation)},
    )
)
