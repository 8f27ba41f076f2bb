"""Queries and commands of the domain; all rules live here. A service takes the session first, flushes and never commits."""
