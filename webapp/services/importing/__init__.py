"""
Files in: read, map, check, apply, undo.

A kind of import (:mod:`~webapp.services.importing.kinds`) declares its columns; reading, mapping, checking, the
template and the documentation follow from that.  A file is applied whole or not at all, and each database row that it
touched is noted with its values before and after, so that it can be taken back.
"""
