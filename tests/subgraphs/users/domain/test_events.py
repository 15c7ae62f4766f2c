"""What is published is what `schema/events` says."""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from tests.subgraphs.users.graphql_client import execute

SCHEMA = Path(__file__).parents[4] / "schema" / "events" / "UserRegistered.json"


@pytest.fixture(scope="module")
def validator():
    schema = orjson.loads(SCHEMA.read_bytes())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


@pytest.fixture
async def event(ann, postgres):
    [(envelope,)] = await execute(
        postgres, "SELECT envelope FROM outbox WHERE key = :id", id=ann["user"]["id"]
    )
    return orjson.loads(envelope)


async def test_registration_is_published_as_the_schema_says(validator, event, ann):
    validator.validate(event)
    assert event["data"]["user_id"] == ann["user"]["id"]
    assert datetime.fromisoformat(event["timestamp"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    "change", [{"type": "Other"}, {"source": "orders"}, {"timestamp": 1}, {"data": {}}, {"more": 1}]
)
async def test_schema_refuses_another_event(validator, event, change):
    with pytest.raises(ValidationError):
        validator.validate(event | change)
