"""Operations compiled to Python: graphql-core's semantics, without its work for each leaf."""

from subgraphs.kit.graphql.execution.executor import CompiledExecution
from subgraphs.kit.graphql.execution.specialisation import FALLBACKS

__all__ = ["FALLBACKS", "CompiledExecution"]
