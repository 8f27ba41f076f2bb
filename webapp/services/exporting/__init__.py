"""
Files out, in the form in which they come in.

An export has the columns of the import of its kind, so that a file taken out of one centre can be brought into another
or back, and is the same when it is taken out again.
"""
