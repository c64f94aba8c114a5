"""The forms of the pages about generations: one file per family."""
