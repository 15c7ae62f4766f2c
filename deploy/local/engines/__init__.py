"""Real stores from wheels: PostgreSQL, Redis and a server of MongoDB's wire protocol.

    with PostgreSQL(folder, databases=["orders"]) as postgres:
        connect(postgres.url("orders"))

Each one binds 127.0.0.1, keeps everything under its folder, finds it again at the next start, and is gone when
its starter is.
"""

from deploy.local.engines.base import Engine, EngineError
from deploy.local.engines.mongo import Mongo
from deploy.local.engines.mongo_servers import MongoServer
from deploy.local.engines.postgres import PostgreSQL
from deploy.local.engines.redis import Redis

__all__ = ["Engine", "EngineError", "Mongo", "MongoServer", "PostgreSQL", "Redis"]
