"""The management API of what it costs."""
