"""The documentation, in the look of the pages: Markdown of `docs/`, filled with the reader's own base
URL; the catalogue of errors and the migration pages, made from what the doors really say."""
