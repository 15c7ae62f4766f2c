"""A RabbitMQ node for the tests that ask for one."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.rabbitmq import MISSING, PROGRAM, RabbitMqNode


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMqNode]:
    if PROGRAM is None:
        pytest.skip(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="rabbitmq-tests-"))
    node = RabbitMqNode(folder)
    node.start()
    try:
        node.wait_ready(timeout=120)
        yield node
    finally:
        node.stop()
        shutil.rmtree(folder, ignore_errors=True)
