"""Carries an order forward: the step that each passing state needs, whoever's process finds it there.

A step is safe to run again and safe to run twice at once: each call that leaves is keyed, and each
state is entered by compare-and-set. So a request runs the steps inline, and the worker runs the same
steps for orders whose process was lost (`consistency.md` calls this the saga).

What takes something back that another step may still want (stock, money) comes after the change of
state that decides it, so that a process which read an old state can take nothing from the winner.
"""

from subgraphs.orders.workflow.advancing import Workflow
from subgraphs.orders.workflow.moves import LEASE

__all__ = ["LEASE", "Workflow"]
