"""The verbs that write generations. Each is one transaction with one lock order:

claim = lane, then generations; everything else = idempotency record, one generation row, inserts,
budget rows, usage roll-up, wallet row last.
"""
