"""The management API of what was asked and what came out."""
