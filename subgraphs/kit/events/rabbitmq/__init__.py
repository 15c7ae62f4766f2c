"""Events in RabbitMQ: a durable exchange, a quorum queue for each group, one of the dead letters of each source.

A queue gets what is published after it was made, so a publisher also makes those of the groups that it knows will read.
"""

from subgraphs.kit.events.rabbitmq.transport import RabbitMq

__all__ = ["RabbitMq"]
