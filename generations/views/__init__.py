"""The pages about what was asked and what came out: one file per family."""
