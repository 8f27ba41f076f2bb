"""
Call logs of an automatic call distributor (ACD): what each row becomes, and what the whole log tells.

A preset (a small TOML file) says how a log is written; :mod:`.calls` reads rows, :mod:`.history` counts what they tell.
"""
