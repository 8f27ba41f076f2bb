"""Two versions side by side: what either changed, and which pieces of a text are new."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.services.versions import Difference, compare, mark_changes

WORDS = st.dictionaries(st.sampled_from(["Name", "Note", "Rung"]), st.sampled_from(["", "a", "b c", "b d"]))


def test_only_what_either_changed_is_compared():
    before = {"Name": "Ada", "Note": "calm", "Rung": "1"}
    theirs = {"Name": "Ada L.", "Note": "calm", "Rung": "1"}
    yours = {"Name": "Ada", "Note": "calm, quick", "Rung": "1"}

    assert compare(before, theirs, yours) == [
        Difference("Name", "Ada", "Ada L.", "Ada"),
        Difference("Note", "calm", "calm", "calm, quick"),
    ]


def test_a_clash_is_where_both_changed_the_same_value_to_something_else():
    apart = Difference("Name", "Ada", "Ann", "Eve")
    alike = Difference("Name", "Ada", "Ann", "Ann")

    assert apart.clash
    assert not alike.clash


def test_an_own_version_that_is_not_known_counts_as_no_change_of_ones_own():
    (line,) = compare({"Name": "Ada"}, {"Name": "Ann"}, {})

    assert (line.yours, line.by_them, line.by_you, line.clash) == (None, True, False, False)


def test_new_words_are_marked_and_old_ones_are_not():
    assert mark_changes("Late parcel", "Lost parcel") == [("Lost", True), (" parcel", False)]


@given(st.text(alphabet="ab \n,"), st.text(alphabet="ab \n,"))
def test_the_pieces_make_up_the_newer_text_and_what_is_not_new_was_there(before, after):
    pieces = mark_changes(before, after)

    assert "".join(text for text, _ in pieces) == after
    kept = iter(before)
    assert all(letter in kept for text, new in pieces if not new for letter in text)


@given(WORDS, WORDS, WORDS)
def test_nothing_that_the_other_changed_is_left_out(before, theirs, yours):
    told = {line.label for line in compare(before, theirs, yours)}

    assert {label for label, value in theirs.items() if before.get(label, "") != value} <= told
