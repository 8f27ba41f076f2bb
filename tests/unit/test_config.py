"""The configuration refuses what is unsafe, and names the variable."""

from __future__ import annotations

import pytest

from config import Config, ConfigError

SAFE = {
    "MAINSTAY_ENV": "production",
    "SECRET_KEY": "s" * 32,
    "PASSWORD_SALT": "p" * 16,
    "DATABASE_URL": "postgresql://db/mainstay",
}


def test_new_user_needs_no_setting():
    config = Config.from_environment({})

    assert config.environment == "development"
    assert config.database_url.startswith("sqlite:///")
    assert config.executor == "embedded"
    assert not config.https


def test_production_sends_cookies_over_https_only():
    assert Config.from_environment(SAFE).https


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "development-only-secret"}, "SECRET_KEY"),
        ({"PASSWORD_SALT": ""}, "PASSWORD_SALT"),
        ({"PASSWORD_SALT": "development-only-salt"}, "PASSWORD_SALT"),
        ({"MAINSTAY_DEBUG": "1"}, "MAINSTAY_DEBUG"),
    ],
)
def test_unsafe_production_is_refused(change, named):
    with pytest.raises(ConfigError, match=named):
        Config.from_environment(SAFE | change)


def test_production_without_any_secret_is_refused():
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        Config.from_environment({"MAINSTAY_ENV": "production"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAINSTAY_ENV", "staging"),
        ("MAINSTAY_EXECUTOR", "celery"),
        ("MAINSTAY_DEBUG", "maybe"),
        ("MAIL_PORT", "smtp"),
        ("MAIL_PORT", "70000"),
        ("MAX_UPLOAD_MB", "0"),
        ("SOLVER_MEMORY_MB", "-1"),
        ("TRUSTED_PROXIES", "6"),
    ],
)
def test_malformed_setting_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=name):
        Config.from_environment({name: value})


def test_former_keys_are_a_list():
    config = Config.from_environment({"PREVIOUS_SECRET_KEYS": " first, ,second"})

    assert config.previous_secret_keys == ("first", "second")
    assert Config.from_environment({}).previous_secret_keys == ()
