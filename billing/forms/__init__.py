"""The forms of the billing pages: one file per family."""
