"""Names are found by their beginnings, by synonyms and in spite of typing errors, the best first."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.services.word_index import Entry, Match, WordIndex, fold

SKILLS = WordIndex(
    [
        Entry(1, "Refunds", ("money back", "ref-7"), "Gives customers their money"),
        Entry(2, "Refund fraud"),
        Entry(3, "Partial refunds"),
        Entry(4, "Spanish", ("Castilian", "español")),
        Entry(5, "Conversation"),
        Entry(6, "C++"),
        Entry(7, "C#"),
        Entry(8, "Chargebacks", ("refunds by the bank",)),
    ]
)


def found(query: str, **options) -> list[tuple[int, Match]]:
    return [(hit.key, hit.match) for hit in SKILLS.search(query, **options)]


def test_the_exact_name_comes_before_beginnings_words_and_synonyms():
    assert found("refunds") == [(1, Match.EXACT), (3, Match.WORDS), (8, Match.SYNONYM)]
    assert found("refund") == [(1, Match.PREFIX), (2, Match.PREFIX), (3, Match.WORDS), (8, Match.SYNONYM)]


def test_words_are_found_by_their_beginnings_in_any_order():
    assert found("ref part") == [(3, Match.WORDS)]
    assert found("fraud refund")[0] == (2, Match.WORDS)


def test_a_synonym_finds_what_it_stands_for_and_says_which():
    (hit,) = SKILLS.search("money back")

    assert (hit.key, hit.match, hit.name) == (1, Match.SYNONYM, "money back")


@pytest.mark.parametrize("query", ["ESPANOL", "español", "Espanol!"])
def test_case_accents_and_signs_do_not_matter(query):
    assert found(query) == [(4, Match.SYNONYM)]


def test_signs_that_make_a_name_are_kept():
    assert found("c++")[0] == (6, Match.EXACT)
    assert found("C#")[0] == (7, Match.EXACT)


@pytest.mark.parametrize(
    "query", ["conversatoin", "convrsation", "converssation", "conversatipn", "onversation", "conversations"]
)
def test_one_wrong_letter_still_finds_the_name(query):
    assert found(query) == [(5, Match.NEAR)]


def test_a_wrong_letter_in_the_beginning_of_a_word_is_forgiven():
    assert found("convrs") == [(5, Match.NEAR)]


def test_a_missing_space_is_one_error():
    assert found("partialrefunds") == [(3, Match.NEAR)]


def test_more_than_two_errors_find_nothing():
    assert found("cxnvxrsxtion") == []


def test_signs_alone_are_looked_for_as_they_stand():
    assert found("-") == [(1, Match.SYNONYM)]


@pytest.mark.parametrize("query", ["", "   ", "!?", "%", "zz"])
def test_nothing_and_nonsense_find_nothing(query):
    assert found(query) == []


def test_words_of_the_text_come_last_and_only_if_asked_for():
    assert found("customers") == []
    assert found("customers", mentioned=True) == [(1, Match.MENTIONED)]


def test_a_limit_keeps_the_best():
    assert found("refunds", limit=1) == [(1, Match.EXACT)]


def test_every_entry_of_a_name_is_known_by_it():
    assert SKILLS.named("REF 7") == [1]
    assert SKILLS.named("unheard of") == []


words = st.text(alphabet=string.ascii_lowercase, min_size=1, max_size=8)
names = st.lists(words, min_size=1, max_size=4).map(" ".join)


@given(st.lists(names, min_size=1, max_size=8, unique=True))
def test_each_name_finds_itself_first(labels):
    index = WordIndex(Entry(key, label) for key, label in enumerate(labels))

    for key, label in enumerate(labels):
        best = index.search(label)[0]
        assert (best.key, best.match) == (key, Match.EXACT)


@given(st.lists(names, min_size=1, max_size=8, unique=True), names)
def test_hits_come_in_the_order_of_their_kinds_and_once_each(labels, query):
    hits = WordIndex(Entry(key, label) for key, label in enumerate(labels)).search(query)

    assert [hit.match for hit in hits] == sorted(hit.match for hit in hits)
    assert len({hit.key for hit in hits}) == len(hits)


@given(names, st.data())
def test_one_letter_more_in_a_name_of_four_letters_is_forgiven(label, data):
    query = data.draw(st.integers(0, len(label)).map(lambda place: f"{label[:place]}x{label[place:]}"))
    index = WordIndex([Entry(1, label)])

    assert [hit.key for hit in index.search(query)] == [1] or len(label) < 4


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)
