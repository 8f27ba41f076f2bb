"""
Talk: threads on engagements, calls for help, huddles, and where people are called.

It is for getting work done together, never for measuring: nobody's talk is timed, counted or scored.
"""
