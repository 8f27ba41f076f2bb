"""What the demo's customers wrote to the helpdesk today; the words and the people are made up."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.services.intake.classifying import TypeRule


@dataclass(frozen=True, slots=True)
class Message:
    """A ticket as the helpdesk tells of it; ``solved_after`` minutes it was closed there, if it was."""

    minutes_ago: int
    subject: str
    text: str
    tags: tuple[str, ...] = ()
    priority: str = "NORMAL"
    solved_after: int | None = None


RULES = (
    TypeRule("mail-billing", ("bill", "bills", "invoice", "charged", "direct debit")),
    TypeRule("mail-returns", ("refund*", "send back", "money back", "faulty", "return*"), none_of=("return my call",)),
    TypeRule("mail-contract", ("tariff*", "contract*", "fixed price", "cancel*")),
    TypeRule("mail-german", ("rechnung", "abschlag", "zähler", "guten tag"), weight=2.0),
    TypeRule("case-meter", ("meter", "meters", "display"), none_of=("meter box",)),
    TypeRule("case-heat", ("heat pump", "no heating", "boiler"), weight=1.5),
    TypeRule("case-fraud", ("not my signature", "never ordered"), weight=2.0),
)
"""How the demo sorts its mail: two kinds with as many words each, or none at all, wait for a person."""

MESSAGES = (
    Message(
        236,
        "Bill twice as high",
        "My bill for October is twice that of last year, although we are out all day. Please look at what I was"
        " charged.",
        ("billing",),
    ),
    Message(
        214,
        "Thermostat back to you",
        "The thermostat does not fit our old radiators. I would like to send back both and have a refund.",
        ("orders",),
        solved_after=95,
    ),
    Message(
        197,
        "Offer for January",
        "You wrote that the tariff changes in January. Is there a fixed price for two years?",
        ("sales",),
    ),
    Message(
        181,
        "Somebody called me yesterday",
        "A colleague of yours called yesterday evening and I could not follow. What was it about?",
    ),
    Message(
        158,
        "Nothing on the screen",
        "Since Monday the meter in the hall shows nothing at all, the display is dark.",
        ("meter",),
        "HIGH",
    ),
    Message(
        139,
        "Money for the old meter",
        "The fitter took our old meter along and said there would be a refund. None has come so far.",
        ("meter", "orders"),
    ),
    Message(
        121,
        "Rechnung nicht verständlich",
        "Guten Tag, auf der Rechnung steht ein Abschlag, den ich nicht kenne. Können Sie mir das erklären?",
        ("billing",),
    ),
    Message(
        104,
        "It hums and stops",
        "Our heat pump hums for a minute and stops. It is eleven degrees in the living room, and we have a baby here.",
        ("technical",),
        "URGENT",
    ),
    Message(
        87,
        "We move on the first",
        "We move to Gaia on the first of the month. What do you need from us, and when?",
    ),
    Message(
        66,
        "Two wallboxes, one order",
        "Two wallboxes came, and I have never ordered a second one. That is not my signature on the slip.",
        ("orders",),
        "HIGH",
    ),
    Message(
        48,
        "Thank you, and a question",
        "The new tariff is a good one, thank you. When will my bill show it?",
    ),
    Message(
        33,
        "Name on the invoice",
        "The invoice still carries the name of my late father. How do we change that?",
        ("billing",),
    ),
    Message(
        17,
        "Too warm in the office",
        "Could somebody tell us how to keep the office cooler on weekends? We look after a small practice.",
    ),
    Message(
        6,
        "Cancel from March",
        "We sell the flat at the end of February and would like to cancel the contract then.",
        ("sales",),
    ),
)
