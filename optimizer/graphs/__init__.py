"""Graphs: of skills and of careers, in networkx."""
