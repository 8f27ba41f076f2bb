"""
The board of today: what the published plan said of this day, held against what is happening at a site.

Each module answers one question from the database: who is where (``floor``), what was done by interval (``progress``),
what waits (``queue``), what is going to be missed (``breaches``), what happened (``feed``).  ``sickness`` is the one
command with which an absence begins, and ``today`` puts all together for a page.
"""
