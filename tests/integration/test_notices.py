"""Notices: each person sees and marks their own."""

from __future__ import annotations

import pytest

from tests.factories import NOW
from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import Notice
from webapp.services import notices


def leave(make, person, text="Your run has finished.", link="/jobs/1"):
    return notices.notify(make.session, person.id, kind="run_finished", text=text, link=link, by=make.actor(person))


def test_the_newest_notice_comes_first(make):
    person = make.person()
    leave(make, person, "First.")
    leave(make, person, "Second.")
    listed = notices.list_notices(make.session, viewer=make.viewer(person))
    assert [notice.text for notice in listed] == ["Second.", "First."]


def test_a_long_text_is_cut_where_its_column_ends(make):
    notice = leave(make, make.person(), "x" * 500)
    assert len(notice.text) == 400
    assert notice.text.endswith("…")


@pytest.mark.parametrize("link", ["https://evil.example", "//evil.example", "/\\evil.example", "jobs"])
def test_a_notice_never_links_out_of_mainstay(make, link):
    with pytest.raises(InvalidInputError):
        leave(make, make.person(), link=link)


def test_marking_all_read_counts_and_leaves_others_alone(make):
    person, other = make.person(), make.person()
    leave(make, person)
    leave(make, person)
    leave(make, other)
    assert notices.mark_all_read(make.session, viewer=make.viewer(person), at=NOW) == 2
    assert notices.count_unread(make.session, person.id) == 0
    assert notices.count_unread(make.session, other.id) == 1


def test_the_first_reading_counts(make):
    notice = leave(make, make.person())
    notices.mark_read(make.session, notice, at=NOW)
    notices.mark_read(make.session, notice, at=NOW.replace(hour=20))
    assert notice.read_at == NOW


def test_another_persons_notice_is_not_found(make):
    owner, other = make.person(), make.person()
    notice = leave(make, owner)
    with pytest.raises(NotFoundError):
        notices.get_notice(make.session, notice.id, viewer=make.viewer(other))


def test_the_bell_shows_how_many_are_unread(make, sign_in):
    person = make.person()
    leave(make, person)
    client = sign_in(person)
    assert "Notices, 1 unread" in client.get("/notices").text
    answer = client.post("/notices/read", follow_redirects=True)
    assert "1 notice marked as read." in answer.text
    assert "unread" not in answer.text


def test_an_empty_page_says_what_will_come(make, sign_in):
    assert "You are up to date" in sign_in(make.person()).get("/notices").text


def test_opening_a_notice_marks_it_and_goes_there(make, sign_in, database):
    person = make.person()
    notice_id = leave(make, person, link="/account").id
    answer = sign_in(person).post(f"/notices/{notice_id}/open")
    assert answer.location == "/account"
    with database.reading() as session:
        assert session.get_one(Notice, notice_id).read_at == NOW


def test_opening_anothers_notice_answers_like_an_unknown_one(make, sign_in):
    owner, other = make.person(), make.person()
    notice_id = leave(make, owner).id
    client = sign_in(other)
    assert client.post(f"/notices/{notice_id}/open").status_code == 404
    assert client.post("/notices/999/open").status_code == 404


def test_notices_are_for_those_who_signed_in(client):
    assert client.get("/notices").status_code == 302
    assert client.post("/notices/read").status_code == 401
