"""The pages of usage and of money: one file per family."""
