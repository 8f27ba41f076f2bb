"""Which site a page is about: the one that its address names, else the viewer's own."""

from __future__ import annotations

from flask import request

from webapp.errors import NotFoundError
from webapp.models import Site
from webapp.services import access
from webapp.services.access import Permission
from webapp.web.request import current_person, current_viewer, get_session


def list_sites(permission: Permission) -> list[Site]:
    """Return the sites between which a page lets its viewer switch, by name."""
    return access.list_sites(get_session(), viewer=current_viewer(), permission=permission)


def chosen_site(permission: Permission) -> Site:
    """
    Return the site that the address names by ``?site=``; else the viewer's own, else the first of theirs.

    Raises
    ------
    NotFoundError
        If there is no such site, or the viewer does not have the permission there or anywhere.
    """
    wanted = request.args.get("site", type=int)
    if wanted is not None:
        return access.get_site(get_session(), wanted, viewer=current_viewer(), permission=permission)
    sites = list_sites(permission)
    if not sites:
        raise NotFoundError("There is no site that you work with here.")
    return next((site for site in sites if site.id == current_person().site_id), sites[0])
