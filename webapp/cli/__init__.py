"""The console command ``mainstay``, for all that is not a page."""

from webapp.cli.main import main

__all__ = ["main"]
