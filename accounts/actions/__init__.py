"""The verbs that write: keyword-only, with the actor as `by=`, atomic, audited."""
