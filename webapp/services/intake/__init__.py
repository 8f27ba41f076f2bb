"""
Work that other systems send: is it really theirs, what does it say, what is it here.

``signatures`` judges a message, ``mapping`` reads it, ``classifying`` finds its type; these three know no database.
``receiving`` keeps each event once and has ``items`` bring the engagement up to date; ``sources``, ``reviewing``,
``reruns`` and ``retention`` are what people and the schedule do with it.
"""
