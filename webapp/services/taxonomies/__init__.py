"""
Taxonomies: published vocabularies of skills, such as ESCO and O*NET.

``archive`` and ``tables`` open files, ``sources`` know what they say, ``draft`` collects it, ``difference`` compares it
with what is stored, ``releases`` shows and applies it, ``history`` says what releases did, ``browsing`` finds concepts,
``picking`` takes them into the catalogue.
"""
