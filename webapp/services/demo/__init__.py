"""
A believable contact centre, made up for the demo: Tidewater, a home-energy company that serves from Porto and Halifax.

``seed_company`` builds what lasts (catalogue, people, half a year of skill history, career ladder), ``seed_day`` the
shifts, contacts and engagements around one day. Both do nothing if what they build is there.
"""

from webapp.services.demo.company import seed_company
from webapp.services.demo.days import seed_day

__all__ = ["seed_company", "seed_day"]
