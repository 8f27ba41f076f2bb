"""What the demo's company knows and does: skills, engagement types and the ladder of service roles."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.models import Channel, SkillKind, Stance

GROUPS = {
    "energy": "Energy and tariffs",
    "home": "Home equipment",
    "orders": "Orders and money",
    "channel": "Channels",
    "language": "Languages",
    "tool": "Tools",
    "human": "With people",
}


@dataclass(frozen=True, slots=True)
class SkillSeed:
    """One skill: ``needs`` are the codes of its prerequisites."""

    code: str
    name: str
    group: str
    kind: SkillKind
    description: str
    needs: tuple[str, ...] = ()


_P, _C, _L, _T, _H = SkillKind.PRODUCT, SkillKind.CHANNEL, SkillKind.LANGUAGE, SkillKind.TOOL, SkillKind.HUMAN

SKILLS = (
    SkillSeed(
        "billing", "Billing", "energy", _P, "Reads and explains a bill, finds what is wrong with it and mends it."
    ),
    SkillSeed("tariffs", "Tariffs and contracts", "energy", _P, "Finds the tariff that fits a household and says why."),
    SkillSeed("moving", "Moving home", "energy", _P, "Moves a contract with the customer, without a gap."),
    SkillSeed("payment-plans", "Payment plans", "energy", _P, "Agrees on a plan that can be kept.", ("billing",)),
    SkillSeed("market-rules", "Market rules", "energy", _P, "Knows what the regulator asks and by when.", ("tariffs",)),
    SkillSeed("green-power", "Green power origin", "energy", _P, "Explains where the power comes from."),
    SkillSeed("smart-meter", "Smart meters", "home", _P, "Gets a meter to report, and a reading to make sense."),
    SkillSeed(
        "heat-pump", "Heat pumps", "home", _P, "Narrows a fault down before anyone drives out.", ("smart-meter",)
    ),
    SkillSeed("solar", "Solar and storage", "home", _P, "Explains yield, feed-in and a battery's mood."),
    SkillSeed("ev-charger", "Car chargers", "home", _P, "Sets up chargers and charging cards."),
    SkillSeed("thermostat", "Thermostats", "home", _P, "Pairs, schedules and resets thermostats."),
    SkillSeed("outage", "Outages and safety", "home", _P, "Keeps people safe first, informed second."),
    SkillSeed(
        "commissioning", "Remote commissioning", "home", _P, "Starts up new plant remotely.", ("heat-pump", "solar")
    ),
    SkillSeed("orders", "Orders and delivery", "orders", _P, "Finds a parcel, a fitter or a lost order."),
    SkillSeed("returns", "Returns and refunds", "orders", _P, "Takes goods back fairly and fast."),
    SkillSeed("warranty", "Warranty", "orders", _P, "Knows what is covered and says so plainly."),
    SkillSeed("fitting", "Fitting appointments", "orders", _P, "Plans fitters' visits that take place."),
    SkillSeed("fraud", "Fraud signs", "orders", _P, "Sees what does not add up, and asks kindly."),
    SkillSeed("voice", "Telephone", "channel", _C, "Leads a call from greeting to agreement."),
    SkillSeed("chat", "Live chat", "channel", _C, "Holds several chats without losing a thread."),
    SkillSeed("writing", "Writing", "channel", _C, "Writes mail that needs no second mail."),
    SkillSeed("social", "Social replies", "channel", _C, "Answers in public, briefly and warmly.", ("writing",)),
    SkillSeed("community", "Community care", "channel", _C, "Helps customers help each other.", ("writing",)),
    SkillSeed("english", "English", "language", _L, "Serves customers in English."),
    SkillSeed("portuguese", "Portuguese", "language", _L, "Serves customers in Portuguese."),
    SkillSeed("spanish", "Spanish", "language", _L, "Serves customers in Spanish."),
    SkillSeed("french", "French", "language", _L, "Serves customers in French."),
    SkillSeed("german", "German", "language", _L, "Serves customers in German."),
    SkillSeed("crm", "Customer file", "tool", _T, "Keeps a file that the next colleague understands."),
    SkillSeed("meter-portal", "Meter portal", "tool", _T, "Reads and resets meters remotely."),
    SkillSeed("order-desk", "Order desk", "tool", _T, "Changes orders without breaking them."),
    SkillSeed("knowledge", "Knowledge base", "tool", _T, "Finds, mends and writes articles."),
    SkillSeed("data-sense", "Reading data", "tool", _T, "Sees a pattern in a hundred contacts."),
    SkillSeed("listening", "Listening", "human", _H, "Hears what is meant."),
    SkillSeed("calming", "Calming a storm", "human", _H, "Brings anger down to a problem.", ("listening",)),
    SkillSeed("recovery", "Making it good", "human", _H, "Turns our mistake into trust.", ("calming",)),
    SkillSeed("negotiation", "Negotiation", "human", _H, "Finds terms both sides keep.", ("listening",)),
    SkillSeed("outreach", "Reaching out first", "human", _H, "Calls before there is a complaint."),
    SkillSeed("vulnerable", "Vulnerable customers", "human", _H, "Sees need and acts with care.", ("listening",)),
    SkillSeed("mentoring", "Mentoring", "human", _H, "Grows colleagues."),
)

HALF_LIVES = {
    **dict.fromkeys(("tariffs", "market-rules", "green-power", "fraud"), 540),
    **dict.fromkeys(("smart-meter", "heat-pump", "solar", "ev-charger", "thermostat", "commissioning"), 720),
    **dict.fromkeys(("meter-portal", "order-desk"), 540),
    **dict.fromkeys(("portuguese", "spanish", "french", "german"), 1_460),
}
"""Days to half: what the regulator or a maker changes fades sooner than a language; people skills stay."""

CERTIFIED = frozenset({"commissioning"})
"""What only people with a current certificate may do."""

LEVEL_TEXTS = (
    "Knows the words and asks for help with the rest.",
    "Handles plain cases with the guide open.",
    "Works alone on everything usual.",
    "Handles the unusual and helps others.",
    "Is asked when nobody else knows, and improves how it is done.",
)

RELATED = (
    ("tariffs", "billing", 0.5),
    ("ev-charger", "thermostat", 0.4),
    ("solar", "heat-pump", 0.3),
    ("returns", "warranty", 0.6),
    ("chat", "writing", 0.5),
    ("spanish", "portuguese", 0.4),
)


@dataclass(frozen=True, slots=True)
class TypeSeed:
    """One engagement type; ``porto`` and ``halifax`` weigh it among the deferrable, or the live, work of a site."""

    code: str
    name: str
    channel: Channel
    stance: Stance
    minutes: float
    value: float
    requires: dict[str, int]
    prefers: dict[str, int]
    porto: float
    halifax: float
    concurrency: int = 1


_RE, _PRO, _COM, _PRA = Stance.REACTIVE, Stance.PROACTIVE, Stance.COMMUNITY, Stance.PRAISE

TYPES = (
    TypeSeed(
        "call-billing", "Billing call", Channel.VOICE, _RE, 8, 10, {"voice": 2, "billing": 2}, {"calming": 2}, 5, 5
    ),
    TypeSeed("call-outage", "Outage call", Channel.VOICE, _RE, 6, 16, {"voice": 2, "outage": 3}, {"calming": 3}, 3, 3),
    TypeSeed(
        "call-home", "Equipment call", Channel.VOICE, _RE, 11, 12, {"voice": 2, "smart-meter": 2}, {"solar": 2}, 3, 3
    ),
    TypeSeed("chat-orders", "Order chat", Channel.CHAT, _RE, 12, 9, {"chat": 2, "orders": 2}, {"returns": 2}, 4, 4, 3),
    TypeSeed(
        "chat-tariff", "Tariff chat", Channel.CHAT, _RE, 14, 11, {"chat": 2, "tariffs": 2}, {"negotiation": 2}, 3, 3, 3
    ),
    TypeSeed(
        "mail-billing", "Billing mail", Channel.EMAIL, _RE, 11, 9, {"writing": 2, "billing": 2}, {"crm": 3}, 12, 12
    ),
    TypeSeed(
        "mail-contract",
        "Contract mail",
        Channel.EMAIL,
        _RE,
        13,
        10,
        {"writing": 2, "tariffs": 3},
        {"market-rules": 2},
        9,
        9,
    ),
    TypeSeed(
        "mail-returns",
        "Return or refund",
        Channel.EMAIL,
        _RE,
        9,
        8,
        {"writing": 2, "returns": 2},
        {"order-desk": 2},
        10,
        9,
    ),
    TypeSeed(
        "mail-german",
        "German customer mail",
        Channel.EMAIL,
        _RE,
        14,
        12,
        {"writing": 2, "german": 3},
        {"billing": 2},
        5,
        0,
    ),
    TypeSeed(
        "mail-french",
        "French customer mail",
        Channel.EMAIL,
        _RE,
        13,
        11,
        {"writing": 2, "french": 3},
        {"billing": 2},
        0,
        7,
    ),
    TypeSeed(
        "case-heat",
        "Heat pump case",
        Channel.CASE,
        _RE,
        28,
        22,
        {"heat-pump": 3, "meter-portal": 2},
        {"warranty": 2},
        5,
        5,
    ),
    TypeSeed(
        "case-meter",
        "Meter case",
        Channel.CASE,
        _RE,
        18,
        14,
        {"smart-meter": 3, "meter-portal": 2},
        {"billing": 2},
        8,
        8,
    ),
    TypeSeed(
        "case-commission",
        "Remote commissioning",
        Channel.CASE,
        _RE,
        40,
        34,
        {"commissioning": 3},
        {"heat-pump": 4},
        1.5,
        2,
    ),
    TypeSeed("case-fraud", "Fraud check", Channel.CASE, _RE, 22, 18, {"fraud": 3, "crm": 2}, {"data-sense": 2}, 3, 3),
    TypeSeed(
        "case-recovery",
        "Memorable recovery",
        Channel.CASE,
        _RE,
        30,
        30,
        {"recovery": 3, "crm": 2},
        {"negotiation": 3},
        3,
        3,
    ),
    TypeSeed(
        "callback-payment",
        "Payment plan call-back",
        Channel.CALLBACK,
        _RE,
        14,
        15,
        {"voice": 2, "payment-plans": 2},
        {"vulnerable": 3},
        6,
        6,
    ),
    TypeSeed(
        "callback-spanish", "Spanish call-back", Channel.CALLBACK, _RE, 12, 12, {"voice": 2, "spanish": 3}, {}, 3, 2
    ),
    TypeSeed("social-reply", "Public reply", Channel.SOCIAL, _RE, 7, 9, {"social": 2}, {"calming": 2}, 8, 8),
    TypeSeed("social-praise", "Thank a customer", Channel.SOCIAL, _PRA, 6, 8, {"social": 2}, {"listening": 3}, 4, 4),
    TypeSeed(
        "community-answer", "Community answer", Channel.COMMUNITY, _COM, 12, 9, {"community": 2}, {"solar": 2}, 5, 5
    ),
    TypeSeed(
        "community-case",
        "Community case study",
        Channel.COMMUNITY,
        _COM,
        30,
        18,
        {"community": 3, "writing": 3},
        {},
        1,
        1,
    ),
    TypeSeed(
        "check-in",
        "Proactive check-in",
        Channel.CALLBACK,
        _PRO,
        10,
        12,
        {"voice": 2, "outreach": 2},
        {"tariffs": 2},
        8,
        8,
    ),
    TypeSeed(
        "check-in-solar",
        "First-winter solar check-in",
        Channel.CALLBACK,
        _PRO,
        16,
        16,
        {"outreach": 2, "solar": 3},
        {},
        3,
        3,
    ),
    TypeSeed(
        "check-in-care",
        "Care call",
        Channel.CALLBACK,
        _PRO,
        18,
        18,
        {"voice": 2, "vulnerable": 3},
        {"payment-plans": 2},
        3,
        3,
    ),
)


@dataclass(frozen=True, slots=True)
class RoleSeed:
    """One service role; ``gates`` can not be offset, ``wants`` count by weight."""

    code: str
    name: str
    rung: int
    pay: tuple[int, int]
    authority: str
    gates: dict[str, int]
    wants: dict[str, int]
    up: tuple[str, ...] = ()
    across: tuple[str, ...] = ()
    outside: bool = False


ROLES = (
    RoleSeed(
        "starter",
        "Service starter",
        1,
        (21_000, 24_000),
        "Asks before any refund.",
        {},
        {"listening": 1, "crm": 1},
        ("agent",),
    ),
    RoleSeed(
        "agent",
        "Service agent",
        2,
        (23_500, 28_000),
        "Refunds up to 50.",
        {"crm": 2, "listening": 2},
        {"billing": 2, "writing": 2, "voice": 2},
        ("senior",),
    ),
    RoleSeed(
        "senior",
        "Senior agent",
        3,
        (27_000, 33_000),
        "Refunds up to 250; waives fees.",
        {"calming": 3, "crm": 3},
        {"billing": 3, "tariffs": 3, "knowledge": 2, "mentoring": 1},
        ("specialist", "case-owner", "coach", "analyst"),
    ),
    RoleSeed(
        "specialist",
        "Home energy specialist",
        4,
        (32_000, 40_000),
        "Orders a fitter without asking.",
        {"heat-pump": 4, "smart-meter": 4},
        {"solar": 3, "commissioning": 2, "meter-portal": 3},
        ("principal",),
        ("case-owner",),
    ),
    RoleSeed(
        "case-owner",
        "Case owner",
        4,
        (31_500, 39_000),
        "Settles up to 1,000 and makes exceptions.",
        {"recovery": 3, "negotiation": 3},
        {"warranty": 3, "returns": 3, "vulnerable": 3},
        ("principal",),
        ("coach",),
    ),
    RoleSeed(
        "coach",
        "Service coach",
        4,
        (31_500, 39_000),
        "Decides how new colleagues learn.",
        {"mentoring": 4, "listening": 4},
        {"calming": 4, "knowledge": 3},
        ("principal",),
        ("analyst",),
    ),
    RoleSeed(
        "analyst",
        "Customer insight analyst",
        4,
        (33_000, 41_000),
        "Stops a broken process for a day.",
        {"data-sense": 4, "writing": 3},
        {"community": 3, "knowledge": 3},
        ("principal",),
    ),
    RoleSeed(
        "principal",
        "Principal of service",
        5,
        (40_000, 52_000),
        "Changes the rule.",
        {"mentoring": 4, "recovery": 4},
        {"data-sense": 3, "negotiation": 4, "market-rules": 3},
    ),
    RoleSeed(
        "warehouse",
        "Warehouse clerk",
        1,
        (20_500, 24_000),
        "",
        {},
        {"orders": 2},
        ("agent",),
        outside=True,
    ),
    RoleSeed("shop", "Shop assistant", 1, (20_500, 23_500), "", {}, {"listening": 2}, ("agent",), outside=True),
)
