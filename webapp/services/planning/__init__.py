"""
Planning: from a site's day to a published plan.

``problem`` builds what the optimizer is asked, ``runs`` asks it, ``store`` keeps the answer, ``moves`` and ``pins`` let
a
scheduler change it, ``publish`` makes it live, ``day`` is what an agent sees of it, ``scoring`` holds it against the
day
as it was.
"""
