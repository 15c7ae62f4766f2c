"""Carries an order forward: the step that each passing state needs, in whichever process finds it there.

A step is safe to run again and safe to run twice at once: each call that leaves is keyed, and each
state is entered by compare-and-set. So a request runs the steps inline, and the resume job runs the same
steps for orders whose process was lost.

What takes something back that another step may still want (stock, money) comes after the change of
state that decides it, so that a process which read an old state can take nothing from the winner.
"""

from subgraphs.orders.saga.driver import Progress, Saga, patience
from subgraphs.orders.saga.transitions import LEASE

__all__ = ["LEASE", "Progress", "Saga", "patience"]
