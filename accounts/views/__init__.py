"""The pages about people, teams and keys: one file per family."""
