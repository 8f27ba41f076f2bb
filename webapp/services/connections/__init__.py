"""
Connections: other systems that are kept in step with a site.

``presets`` know how each system is spoken to, ``wanting`` says what it should say, ``exchange`` writes the differences,
and ``keeping`` is about the connections themselves.
"""
