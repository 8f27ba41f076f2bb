"""
Open Badges: read a badge, tell whose it is, and say for certain what can be said about its signature.

Everything here is pure: bytes, keys and a moment go in, a judgement comes out. Nothing is ever fetched, so that nobody
can make Mainstay call an address; what only a fetch could tell is said to be unknown.

Formats: Open Badges 2.0 (IMS Global 2018), hosted, signed and baked; Open Badges 3.0 (1EdTech 2024) as JSON Web Token,
with an embedded Data Integrity proof, and baked.
"""
