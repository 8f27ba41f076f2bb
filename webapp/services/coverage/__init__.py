"""
Whether the people on shift can do the work of a week: demand against supply by skill, and single points of failure.

``week`` reads the week from the database, ``table`` compares it by skill and level, ``single_points`` asks whose
absence breaks it, and ``training`` who could learn to stand in.
"""
