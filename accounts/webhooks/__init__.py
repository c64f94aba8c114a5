"""What leaves the house: messages to the receivers that customers named, signed, retried, recorded.

A message is written in the transaction that made it true (`emit`, and the finish of a generation),
taken in hand by a dispatcher (`claims`), prepared and recorded (`deliveries`), sent by `dispatcher`.
"""

from accounts.webhooks.events import emit

__all__ = ["emit"]
