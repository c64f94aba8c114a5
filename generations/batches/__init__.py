"""Batches: up to 1,000 orders in one file, in the words of any door or in neutral ones.

file      the lines of a file, and what is wrong with them
scribe    a line's order, written down instead of submitted
neutral   the words of an order at no door
feeding   lines become generations, a few at a time
progress  what became of them
"""
