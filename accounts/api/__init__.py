"""The management API of who is asking, and what every part of the management API stands on: who may
call, how a body is read, how a list goes on, how a refusal is worded."""
