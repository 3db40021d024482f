"""Everything the screens read. Read-only, and every query is bound to one shop."""
