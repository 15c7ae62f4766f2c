"""`python -m deploy.tools.schema`: composition, drift and breaking changes, on the schemas of the recording subgraphs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from graphql import build_schema, print_schema

from deploy.tools.schema import breaking, cli, deprecations, drift, generate, plans, usage
from deploy.tools.schema.errors import SchemaError
from tests.router.recording_subgraphs import SCHEMAS

Compose = Callable[..., None]


@pytest.fixture
def compose(composed: Path, tmp_path: Path) -> Compose:
    """Compose the recording subgraphs after a change of one subgraph's SDL."""

    def run(subgraph: str, edits: dict[str, str]) -> None:
        shutil.copytree(composed, tmp_path, dirs_exist_ok=True)
        file = tmp_path / f"{subgraph}.graphql"
        for before, after in edits.items():
            assert before in file.read_text()
            file.write_text(file.read_text().replace(before, after))
        generate.compose(tmp_path, tmp_path / "supergraph.yaml")

    return run


def test_the_api_schema_has_descriptions_and_nothing_of_federation(composed: Path) -> None:
    text = (composed / "api.graphql").read_text()
    schema = build_schema(text)
    assert schema.query_type is not None
    assert schema.query_type.fields["me"].description == "The account that is logged in."
    assert schema.query_type.fields.keys() == {"leaky", "me", "order", "product", "products", "slow"}
    assert not [word for word in ("_entities", "_service", "join__", "@link", "@key", "_Any") if word in text]


def test_types_and_fields_are_in_alphabetical_order_so_that_diffs_are_small(composed: Path) -> None:
    lines = (composed / "api.graphql").read_text().splitlines()
    types = [line.split()[1] for line in lines if line.startswith(("type ", "scalar ", "enum "))]
    assert types == sorted(types)


def test_what_does_not_compose_is_refused_and_says_who_disagrees(compose: Compose) -> None:
    with pytest.raises(SchemaError) as refused:
        compose("orders", {"  orders: [Order!]!": "  username: Int"})
    assert "[FIELD_TYPE_MISMATCH]" in str(refused.value)
    assert 'type "Int" in subgraph "orders" but type "String!" in subgraph "users"' in str(refused.value)
    assert "\n    in users.graphql, line " in str(refused.value)


def test_an_error_within_one_subgraph_names_it_and_the_line(compose: Compose) -> None:
    with pytest.raises(
        SchemaError, match=r"\[orders\] Unknown type Nothing\n    in orders.graphql, line \d+"
    ):
        compose("orders", {"  product: Product\n": "  product: Nothing\n"})


def test_a_syntax_error_names_file_and_line(compose: Compose) -> None:
    with pytest.raises(SchemaError, match=r"orders\.graphql is not GraphQL: .* \(line \d+, column \d+\)"):
        compose("orders", {"type OrderItem {": "type OrderItem"})


def test_what_needs_a_licence_is_refused(compose: Compose) -> None:
    edits = {
        'import: ["@key"': 'import: ["@authenticated", "@key"',
        "  quantity: Int!": "  quantity: Int! @authenticated",
    }
    with pytest.raises(
        SchemaError, match="@authenticated, which Apollo Router takes only with a GraphOS licence"
    ):
        compose("orders", edits)


def test_what_apollo_router_takes_without_a_licence_composes(compose: Compose, tmp_path: Path) -> None:
    compose(
        "orders",
        {
            'import: ["@key"': 'import: ["@override", "@key"',
            "  orders: [Order!]!": '  username: String! @override(from: "users", label: "percent(10)")\n  orders: [Order!]!',
        },
    )
    assert 'overrideLabel: "percent(10)"' in (tmp_path / "supergraph.graphql").read_text()


def test_drift_shows_what_differs_and_what_is_missing(
    composed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generated(folder: Path) -> list[Path]:
        return [Path(shutil.copy(file, folder)) for file in sorted(composed.glob("*.graphql"))]

    monkeypatch.setattr(drift, "generate", generated)
    assert drift.drift(composed) == []

    committed = shutil.copytree(composed, tmp_path / "schema")
    (committed / "users.graphql").unlink()
    api = committed / "api.graphql"
    api.write_text(api.read_text().replace("stock: Int!", "stock: Float!"))
    changed, missing = drift.drift(committed)
    assert "-  stock: Float!\n+  stock: Int!" in changed
    assert missing == "schema/users.graphql is missing"


def test_drift_finds_what_stands_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The safelist of Apollo Router lies beside its other scripts."""

    def generated(folder: Path) -> list[Path]:
        (folder / generate.SAFELIST).write_text(generate.safelist({"operations": []}))
        return [folder / generate.SAFELIST]

    monkeypatch.setattr(drift, "generate", generated)
    (difference,) = drift.drift(tmp_path)
    assert difference.startswith("--- rhai/safelist.rhai (committed)")
    assert " => true, // Login" in difference


def test_the_safelist_names_the_digests_of_the_manifest() -> None:
    digest = "0" * 64
    text = generate.safelist({"operations": [{"id": digest, "name": "Login"}]})
    assert text.splitlines()[-6:] == [
        "fn holds(digest) {",
        "    switch digest {",
        f'        "{digest}" => true, // Login',
        "        _ => false",
        "    }",
        "}",
    ]


BEFORE = "type Query { product(id: ID!): String orders: [Int!]! } enum Status { PAID }"


def test_breaking_and_dangerous_changes_are_told_apart() -> None:
    after = "type Query { product(id: ID!, by: ID!): String } enum Status { PAID SHIPPED }"
    changes = breaking.compare(BEFORE, after)
    assert changes.breaking == (
        "A required argument Query.product(by:) was added.",
        "Field Query.orders was removed.",
    )
    assert changes.dangerous == ("Enum value Status.SHIPPED was added.",)


USED = build_schema(
    """
    type Query { product(id: ID!, by: Int): Thing things(filter: Filter): [Thing!]! count: Int! }
    union Thing = Cup | Pot
    type Cup implements Node { id: ID! colour: Colour }
    type Pot implements Node { id: ID! }
    interface Node { id: ID! }
    enum Colour { RED GREEN }
    input Filter { colour: Colour, nested: Filter }
    """
)
OPERATIONS = {
    "One": "query One($id: ID!) { product(id: $id) { ... on Cup { id } } }",
    "Coloured": "{ product(id: 1, by: 2) { ... on Cup { ...F } } } fragment F on Cup { colour }",
    "All": "query All($f: Filter) { things(filter: $f) { ... on Pot { id } } }",
    "Inline": "{ things(filter: {colour: RED}) { __typename } }",
    "Count": "{ count }",
}


@pytest.mark.parametrize(
    ("sentence", "touched"),
    [
        ("Field Query.count was removed.", ["Count"]),
        ("Field Query.count changed type from Int! to Int.", ["Count"]),
        ("Field Cup.colour was removed.", ["Coloured"]),
        ("Argument Query.product(by:) was removed.", ["Coloured"]),
        ("Argument Query.product(id:) has changed type from ID! to Int!.", ["Coloured", "One"]),
        ("A required argument Query.product(at:) was added.", ["Coloured", "One"]),
        ("An optional argument Query.things(at:) was added.", ["All", "Inline"]),
        ("A required field Filter.size was added.", ["All", "Inline"]),
        ("Field Filter.nested was removed.", ["All", "Inline"]),
        ("Enum value Colour.BLUE was added.", ["All", "Coloured", "Inline"]),
        ("Enum value Colour.RED was removed.", ["All", "Coloured", "Inline"]),
        ("Pan was added to union type Thing.", ["All", "Coloured", "Inline", "One"]),
        ("Pot was removed from union type Thing.", ["All", "Coloured", "Inline", "One"]),
        ("Cup no longer implements interface Node.", ["Coloured", "One"]),
        ("Dated added to interfaces implemented by Pot.", ["All"]),
        ("Pot was removed.", ["All"]),
        ("Directive @old was removed.", []),
    ],
)
def test_a_change_names_the_operations_that_it_touches(sentence: str, touched: list[str]) -> None:
    assert usage.affected(sentence, usage.used(USED, OPERATIONS)) == touched


def test_the_sentences_are_those_of_the_comparison() -> None:
    """What the table above is matched with is how graphql-core words it."""
    after = build_schema(
        """
        type Query { product(id: Int!, at: Int!): Thing things(filter: Filter, at: Int): [Thing!]! }
        union Thing = Cup | Pan
        type Cup { id: ID! }
        type Pan { id: ID! }
        interface Node { id: ID! }
        enum Colour { GREEN BLUE }
        input Filter { colour: Colour, size: Int! }
        """
    )
    changes = breaking.compare(print_schema(USED), print_schema(after))
    assert {
        "Field Query.count was removed.",
        "Field Cup.colour was removed.",
        "Argument Query.product(by:) was removed.",
        "Argument Query.product(id:) has changed type from ID! to Int!.",
        "A required argument Query.product(at:) was added.",
        "A required field Filter.size was added.",
        "Field Filter.nested was removed.",
        "Enum value Colour.RED was removed.",
        "Pot was removed from union type Thing.",
        "Cup no longer implements interface Node.",
        "Pot was removed.",
    } <= set(changes.breaking)
    assert set(changes.dangerous) == {
        "An optional argument Query.things(at:) was added.",
        "Enum value Colour.BLUE was added.",
        "Pan was added to union type Thing.",
    }
    assert changes.safe == ("Pan was added.",)


DEPRECATED = """
type Query {
  good: Int @deprecated(reason: "Use better. Since 2026-11-24.")
  bare: Int @deprecated
  undated: Int @deprecated(reason: "Use better.")
  impossible: Int @deprecated(reason: "Use better. Since 2026-13-24.")
  dateOnly(a: Int @deprecated(reason: "2026-11-24")): Int
  enum: E
}
enum E { OLD @deprecated(reason: "Gone.") }
input I { old: Int @deprecated(reason: "Gone.") }
"""


def test_what_is_deprecated_says_why_and_since_when() -> None:
    faults = deprecations.faults(build_schema(DEPRECATED))
    assert {
        fault.partition(":")[0] if "(" not in fault else fault.partition(" is")[0] for fault in faults
    } == {
        "Query.bare is deprecated without a reason",
        "Query.undated is deprecated without a date",
        "Query.impossible is deprecated without a date",
        "Query.dateOnly(a:)",
        "E.OLD is deprecated without a date",
        "I.old is deprecated without a date",
    }


def test_the_check_fails_on_a_deprecation_without_a_date(
    composed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(composed, tmp_path, dirs_exist_ok=True)
    api = tmp_path / "api.graphql"
    api.write_text(api.read_text().replace("stock: Int!", "stock: Int! @deprecated"))
    monkeypatch.setattr(cli.generate, "SCHEMAS", tmp_path)
    monkeypatch.setattr(cli.drift, "drift", list)
    monkeypatch.setattr(cli.breaking, "committed_api", lambda _: None)
    assert cli.main(["check"]) == 1
    assert "Product.stock is deprecated without a reason: say what to use instead." in capsys.readouterr().out


def test_a_diff_tells_what_changed_and_whom_it_touches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "api.graphql").write_text("type Query { b: Int c: Int }")
    operations = [{"name": "A", "body": "{ a }"}, {"name": "B", "body": "{ b }"}]
    (tmp_path / "operations.json").write_text(json.dumps({"operations": operations}))
    monkeypatch.setattr(cli.generate, "SCHEMAS", tmp_path)
    monkeypatch.setattr(cli.breaking, "committed_api", lambda _: "type Query { a: Int b: Int }")
    assert cli.main(["diff"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "breaking: Field Query.a was removed. It touches A.",
        "safe: Field Query.c was added.",
    ]


# ---- plans ---------------------------------------------------------------------------------------------------


def test_a_plan_shows_the_steps_in_their_order(composed: Path) -> None:
    query = "{ order(id: 1) { items { product { name } } } me { username } }"
    assert plans.plan(query, supergraph=composed / "supergraph.graphql").splitlines() == [
        "One after the other",
        "  At once",
        "    Ask users: {me{username}}",
        "    Ask orders: {order(id: 1){items{product{__typename id}}}}",
        "  For order.items.*.product",
        "    Ask products: query($representations:[_Any!]!){_entities(representations: $representations){...on Product{name}}}",
    ]


def test_a_plan_of_a_subscription_names_who_is_subscribed_at(composed: Path) -> None:
    query = "query Q { me { id } } subscription S { orderStatus(orderId: 1) { seq } }"
    shown = plans.plan(query, "S", supergraph=composed / "supergraph.graphql")
    assert shown == "Subscribe at orders: subscription{orderStatus(orderId: 1){seq}}"


def test_what_is_no_operation_of_the_supergraph_has_no_plan(composed: Path) -> None:
    with pytest.raises(SchemaError, match=r"There is no plan for it: .*'nope'"):
        plans.plan("{ nope }", supergraph=composed / "supergraph.graphql")


def test_an_operation_of_the_manifest_is_planned_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "Me"]) == 0
    assert capsys.readouterr().out.startswith("Ask users: ")
    assert cli.main(["plan", "Nobody"]) == 1
    assert "'Nobody' is no operation of the manifest, no file and no GraphQL." in capsys.readouterr().err


def test_an_accepted_break_is_a_warning_and_covers_no_other(tmp_path: Path) -> None:
    file = tmp_path / "accepted-breaks.txt"
    file.write_text("# orders moved below me\n\nField Query.orders was removed.\n")
    changes = breaking.compare(
        BEFORE, "type Query { other: Int } enum Status { PAID }", accepted=breaking.accepted_breaks(file)
    )
    assert changes.breaking == ("Field Query.product was removed.",)
    assert changes.dangerous == ("Field Query.orders was removed.",)


def test_nothing_is_accepted_where_there_is_no_list(tmp_path: Path) -> None:
    assert breaking.accepted_breaks(tmp_path / "none.txt") == frozenset()


def test_an_unknown_revision_is_refused() -> None:
    with pytest.raises(SchemaError, match="no git revision 'no-such-thing'"):
        breaking.committed_api("no-such-thing")


@pytest.mark.long  # `make check` is it
def test_the_check_of_the_project_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check"]) == 0, capsys.readouterr().out


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["export"], ["compose"], ["operations"], ["all"], ["check"], ["diff"], ["plan"]):
        with pytest.raises(SystemExit) as left:
            cli.main([*command, "--help"])
        assert left.value.code == 0
        assert "usage: python -m deploy.tools.schema" in capsys.readouterr().out


def test_the_recording_subgraphs_and_the_project_list_the_same_subgraphs() -> None:
    assert generate.subgraphs().keys() == SCHEMAS.keys()


def test_rover_and_our_composition_are_of_one_version() -> None:
    packages = json.loads((generate.ROOT / "router" / "hive" / "package.json").read_text())
    ours = packages["devDependencies"]["@apollo/composition"]
    assert yaml.safe_load(generate.CONFIG.read_text())["federation_version"] == f"={ours}"


def test_the_lock_names_no_registry_host() -> None:
    lock = (generate.ROOT / "router" / "hive" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
