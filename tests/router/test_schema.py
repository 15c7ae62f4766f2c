"""`python -m deploy.tools.schema`: composition, drift and breaking changes, on the schemas of the recording subgraphs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from graphql import build_schema

from deploy.tools.schema import breaking, cli, drift, generate
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


def test_the_check_of_the_project_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check"]) == 0, capsys.readouterr().out


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["export"], ["compose"], ["operations"], ["all"], ["check"]):
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
