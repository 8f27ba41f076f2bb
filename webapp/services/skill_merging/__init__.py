"""
Merging one skill into another, with all that names it following, and the undo.

``rows`` knows what names a skill and how it follows, ``plan`` works out what a merge would do without doing it,
``merging`` does and undoes it.
"""
