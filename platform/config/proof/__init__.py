"""The proof that the ledger is right: the invariants of the papers, checked in one snapshot.

`prove` reads the tables and knows their meaning, never the code that wrote them.
"""

from config.proof.invariant import Broken, Invariant
from config.proof.run import INVARIANTS, Finding, Proof, prove, snapshot, with_finding

__all__ = ["INVARIANTS", "Broken", "Finding", "Invariant", "Proof", "prove", "snapshot", "with_finding"]
