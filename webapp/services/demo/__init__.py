"""
A believable contact centre, made up for the demo: Tidewater, a home-energy company that serves from Porto and Halifax.

``seed_company`` builds what lasts (catalogue, people, half a year of skill history, career ladder), ``seed_day`` the
shifts, contacts and engagements around one day, ``seed_before_planning`` and ``seed_since_publishing`` what surrounds
its plan: work from a helpdesk, threads, exchanges, decisions of live routing, what-ifs. None builds what is there
already, and what happens around a plan happens through the services that the pages use.
"""

from webapp.services.demo.company import seed_company
from webapp.services.demo.days import seed_day
from webapp.services.demo.today import seed_before_planning, seed_since_publishing

__all__ = ["seed_before_planning", "seed_company", "seed_day", "seed_since_publishing"]
