"""
Whether people of different groups are selected alike: for stretch work, mentoring, promotion or a hiring profile.

``exact`` holds the tests and intervals, ``verdicts`` what may be said of a group. Both are pure.
"""
