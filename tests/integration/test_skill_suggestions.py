"""Skills that a person may also have: reasons, claims and dismissals."""

from __future__ import annotations

import pytest

from tests.factories import TODAY
from webapp.errors import NotFoundError
from webapp.models import Interest, LinkKind, Role, SkillEventKind
from webapp.services import records, skill_links, skill_suggestions
from webapp.services.records import NewEvent
from webapp.services.skill_suggestions import Why


@pytest.fixture
def ana(make):
    return make.person(name="Ana")


def use(make, person, skill, count):
    event = NewEvent(person.id, skill.id, SkillEventKind.USE, count=count)
    records.append_events(make.session, [event], by=make.actor())
    records.reproject(make.session, [(person.id, skill.id)], TODAY)


def link(make, skill, other, kind, weight=1.0):
    skill_links.add_link(make.session, skill, other_id=other.id, kind=kind, weight=weight, by=make.actor())
    make.session.flush()


def suggested(make, person, **values):
    return {each.skill.name: each for each in skill_suggestions.list_suggestions(make.session, person, TODAY, **values)}


class TestReasons:
    def test_what_was_used_in_contacts_is_suggested(self, make, ana):
        use(make, ana, make.skill(name="Refunds"), 42)
        use(make, ana, make.skill(name="Chat"), 7)
        use(make, ana, make.skill(name="Mail"), 4)

        found = suggested(make, ana)

        assert {name: each.level for name, each in found.items()} == {"Refunds": 2, "Chat": 1}
        assert found["Refunds"].reasons[0].words == "you used it in 42 contacts"

    def test_what_contains_a_skill_is_implied_at_its_level(self, make, ana):
        refunds, billing = make.skill(name="Refunds"), make.skill(name="Billing")
        make.record(ana, refunds, 4)
        link(make, refunds, billing, LinkKind.BROADER)

        found = suggested(make, ana)["Billing"]

        assert (found.level, found.reasons[0].why) == (4, Why.IMPLIED)
        assert found.reasons[0].words == "it contains Refunds, which you hold at level 4"

    def test_a_share_of_a_related_skill_carries_over_rounded_down(self, make, ana):
        """What is known of the other carries over to the skill: 0.7 · 4 = 2.8; nothing carries over backwards."""
        chat, mail, letters = make.skill(name="Chat"), make.skill(name="Mail"), make.skill(name="Letters")
        make.record(ana, chat, 4)
        link(make, mail, chat, LinkKind.RELATED, 0.7)
        link(make, chat, letters, LinkKind.RELATED, 0.9)

        found = suggested(make, ana)

        assert set(found) == {"Mail"}
        assert found["Mail"].level == 2
        assert found["Mail"].reasons[0].words == "70 % of Chat carries over, which you hold at level 4"

    def test_a_longer_chain_names_what_it_goes_through(self, make, ana):
        refunds, billing, money = make.skill(name="Refunds"), make.skill(name="Billing"), make.skill(name="Money")
        make.record(ana, refunds, 4)
        link(make, billing, refunds, LinkKind.RELATED, 0.75)
        link(make, billing, money, LinkKind.BROADER)

        words = suggested(make, ana)["Money"].reasons[0].words

        assert words == "it follows from Refunds, which you hold at level 4, through Billing"

    def test_what_others_hold_beside_it_is_suggested_in_tenths(self, make, ana):
        """Ten of ten hold both, twenty hold neither: (10 + 10 · 1/3) / (10 + 10) = 0.67."""
        billing, refunds, chat = make.skill(name="Billing"), make.skill(name="Refunds"), make.skill(name="Chat")
        make.record(ana, billing, 3)
        for _ in range(10):
            both = make.person()
            make.record(both, billing, 2)
            make.record(both, refunds, 2)
        for _ in range(20):
            make.record(make.person(), chat, 2)

        found = suggested(make, ana)

        assert set(found) == {"Refunds"}
        assert found["Refunds"].reasons[0].words == "about 7 of 10 people who hold Billing also hold it"

    def test_four_people_and_those_of_other_sites_do_not_speak(self, make, ana):
        billing, refunds, chat = make.skill(name="Billing"), make.skill(name="Refunds"), make.skill(name="Chat")
        elsewhere = make.site()
        make.record(ana, billing, 3)
        for site in [None] * 4 + [elsewhere] * 20:
            both = make.person(site=site)
            make.record(both, billing, 2)
            make.record(both, refunds, 2)
        for _ in range(20):
            make.record(make.person(), chat, 2)

        assert suggested(make, ana) == {}

    def test_several_reasons_for_one_skill_stand_together_the_surest_first(self, make, ana):
        refunds, billing = make.skill(name="Refunds"), make.skill(name="Billing")
        make.record(ana, refunds, 3)
        link(make, refunds, billing, LinkKind.BROADER)
        use(make, ana, billing, 9)

        found = suggested(make, ana)["Billing"]

        assert [reason.why for reason in found.reasons] == [Why.USED, Why.IMPLIED]
        assert found.level == 3


class TestWhatIsLeftOut:
    def test_what_the_person_claims_holds_or_would_rather_not(self, make, ana):
        source = make.skill(name="Source")
        make.record(ana, source, 3)
        claimed, held, unwanted = make.skill(name="Claimed"), make.skill(name="Held"), make.skill(name="Unwanted")
        for skill in (claimed, held, unwanted):
            link(make, source, skill, LinkKind.BROADER)
        make.record(ana, claimed, 0, claimed=1)
        make.record(ana, held, 3)
        make.record(ana, unwanted, 0, interest=Interest.RATHER_NOT)

        assert suggested(make, ana) == {}

    def test_what_is_retired(self, make, ana):
        gone = make.skill(name="Gone")
        use(make, ana, gone, 42)
        gone.retired_at = make.actor().at
        make.session.flush()

        assert suggested(make, ana) == {}

    def test_what_goes_beyond_the_limit(self, make, ana):
        for _ in range(8):
            use(make, ana, make.skill(), 9)

        assert len(suggested(make, ana)) == skill_suggestions.MOST_SHOWN
        assert len(suggested(make, ana, limit=None)) == 8


class TestAnswers:
    def test_a_suggestion_is_claimed_with_its_reason(self, make, ana):
        refunds = make.skill(name="Refunds")
        use(make, ana, refunds, 42)

        skill_suggestions.claim_suggested(make.session, ana, skill_id=refunds.id, on=TODAY, by=make.actor(ana))

        record = records.get_record(make.session, ana.id, refunds.id)
        assert (record.claimed_level, record.validated_level) == (2, 0)
        assert suggested(make, ana) == {}

    def test_what_is_not_suggested_cannot_be_claimed_as_if_it_were(self, make, ana):
        with pytest.raises(NotFoundError):
            skill_suggestions.claim_suggested(make.session, ana, skill_id=make.skill().id, on=TODAY, by=make.actor(ana))

    def test_a_dismissed_skill_is_suggested_no_more_until_it_is_restored(self, make, ana):
        refunds = make.skill(name="Refunds")
        use(make, ana, refunds, 42)

        for _ in range(2):
            skill_suggestions.dismiss(make.session, ana, skill_id=refunds.id, by=make.actor(ana))
        assert suggested(make, ana) == {}
        assert skill_suggestions.list_dismissed(make.session, ana) == [refunds]

        skill_suggestions.restore(make.session, ana, skill_id=refunds.id, by=make.actor(ana))
        assert set(suggested(make, ana)) == {"Refunds"}
        with pytest.raises(NotFoundError):
            skill_suggestions.restore(make.session, ana, skill_id=refunds.id, by=make.actor(ana))

    def test_an_unknown_skill_is_not_dismissed(self, make, ana):
        with pytest.raises(NotFoundError):
            skill_suggestions.dismiss(make.session, ana, skill_id=99, by=make.actor(ana))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
class TestPages:
    def test_an_agent_claims_with_one_click_and_may_take_it_back(self, make, ana, sign_in):
        refunds = make.skill(name="Refunds")
        use(make, ana, refunds, 42)
        client = sign_in(ana)

        page = client.get("/my/skills").text
        after = client.post(f"/my/suggestions/{refunds.id}/claim", follow_redirects=True).text

        assert "You may also have" in page
        assert "you used it in 42 contacts" in page
        assert f"/my/skills/{refunds.id}/withdraw" in after
        assert "You may also have" not in after

    def test_an_agent_dismisses_and_may_have_it_back(self, make, ana, sign_in):
        refunds = make.skill(name="Refunds")
        use(make, ana, refunds, 42)
        client = sign_in(ana)

        after = client.post(f"/my/suggestions/{refunds.id}/dismiss", follow_redirects=True).text
        dismissed = client.get("/my/suggestions").text
        client.post(f"/my/suggestions/{refunds.id}/restore")
        again = client.get("/my/suggestions").text

        assert f"/my/suggestions/{refunds.id}/restore" in after
        assert "Suggest again" in dismissed
        assert "you used it in 42 contacts" in again

    def test_without_suggestions_the_page_says_so(self, ana, sign_in):
        assert "Nothing to suggest" in sign_in(ana).get("/my/suggestions").text

    def test_what_is_not_suggested_is_not_found(self, make, ana, sign_in):
        skill = make.skill()
        client = sign_in(ana)

        assert client.post(f"/my/suggestions/{skill.id}/claim").status_code == 404
        assert client.post(f"/my/suggestions/{skill.id}/restore").status_code == 404
        assert client.post("/my/suggestions/99/dismiss").status_code == 404

    def test_only_those_who_keep_a_record_are_suggested_skills(self, make, sign_in):
        client = sign_in(make.person(roles=[Role.HR], is_agent=False))

        assert client.get("/my/suggestions").status_code == 403
        assert client.post("/my/suggestions/1/claim").status_code == 403
