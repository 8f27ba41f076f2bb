"""The assignment model: columns, rows, objective tiers, bounds and the search for a whole plan."""
