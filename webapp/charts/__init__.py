"""Figures as Vega-Lite specifications, rendered on the server."""
