"""The forms of the account pages: one file per family."""
