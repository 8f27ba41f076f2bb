"""Configuration as a file: what is set up at one place and wanted at another, such as from staging to production."""

from webapp.services.configuration.document import FORMAT_VERSION, Entry, parse, render
from webapp.services.configuration.section import Change
from webapp.services.configuration.transfer import SECTIONS, Comparison, apply, compare, export

__all__ = [
    "FORMAT_VERSION",
    "SECTIONS",
    "Change",
    "Comparison",
    "Entry",
    "apply",
    "compare",
    "export",
    "parse",
    "render",
]
