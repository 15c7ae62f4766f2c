"""`python -m subgraphs.products serve | migrate | schema | config | products | stock`."""

from subgraphs.kit import cli
from subgraphs.products.app import migrate, open_app, open_export, open_import, open_reconciliation
from subgraphs.products.commands import products, stock
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
        commands={
            "products": products.command(open_import, open_export),
            "stock": stock.command(open_reconciliation),
        },
    )
)
