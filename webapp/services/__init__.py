"""Queries and commands of the domain; all rules live here. A service flushes and never commits."""
