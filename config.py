"""
Configuration of Mainstay, read from environment variables.

Each field of :class:`Config` names its variable, its default and its meaning; ``docs/operations.md`` lists them for
operators.  Nothing else in the project reads the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
DEVELOPMENT_SALT = "development-only-salt"
DEVELOPMENT_SECRET = "development-only-secret"  # noqa: S105 - refused in production by Config.check()
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


class ConfigError(ValueError):
    """A setting is missing, malformed or unsafe; the message names the environment variable."""


@dataclass(frozen=True, slots=True)
class Config:
    """
    Everything that may differ between two installations.

    Parameters
    ----------
    environment
        ``MAINSTAY_ENV``: ``development`` (default), ``test`` or ``production``.
    secret_key
        ``SECRET_KEY``: signs sessions and tokens. Required in production, at least 32 characters.
    password_salt
        ``PASSWORD_SALT``: pepper of password hashes. Required in production.
    database_url
        ``DATABASE_URL``: SQLAlchemy address; SQLite in ``instance/mainstay.db`` by default.
    debug
        ``MAINSTAY_DEBUG``: show tracebacks. Refused in production.
    https
        ``MAINSTAY_HTTPS``: cookies are sent over HTTPS only and HSTS is set. On by default in production.
    executor
        ``MAINSTAY_EXECUTOR``: ``embedded`` (default) runs jobs inside the server, ``none`` leaves them to ``mainstay
        worker``.
    limiter_storage
        ``RATE_LIMIT_STORAGE``: where sign-in limits are counted, ``memory://`` by default or a ``redis://`` address.
    mail_server
        ``MAIL_SERVER``: SMTP host for password recovery; without it recovery mails are written to the log.
    mail_port
        ``MAIL_PORT``, 25 by default.
    max_upload_mb
        ``MAX_UPLOAD_MB``: largest accepted upload, 32 MiB by default.
    solver_memory_mb
        ``SOLVER_MEMORY_MB``: memory that one solve may use, 4096 MiB by default.
    proxies
        ``TRUSTED_PROXIES``: how many reverse proxies stand in front and may be believed, 0 by default.
    """

    environment: str = "development"
    secret_key: str = DEVELOPMENT_SECRET
    password_salt: str = DEVELOPMENT_SALT
    database_url: str = ""
    debug: bool = False
    https: bool = False
    executor: str = "embedded"
    limiter_storage: str = "memory://"
    mail_server: str = ""
    mail_port: int = 25
    max_upload_mb: int = 32
    solver_memory_mb: int = 4096
    proxies: int = 0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Config:
        """
        Read and check the configuration.

        Raises
        ------
        ConfigError
            If a value is malformed or, in production, unsafe.
        """
        env = os.environ if environ is None else environ
        environment = env.get("MAINSTAY_ENV", "development").strip().lower()
        config = cls(
            environment=environment,
            secret_key=env.get("SECRET_KEY", DEVELOPMENT_SECRET),
            password_salt=env.get("PASSWORD_SALT", DEVELOPMENT_SALT),
            database_url=env.get("DATABASE_URL", "") or default_database_url(),
            debug=_flag(env, "MAINSTAY_DEBUG", default=False),
            https=_flag(env, "MAINSTAY_HTTPS", default=environment == "production"),
            executor=env.get("MAINSTAY_EXECUTOR", "embedded"),
            limiter_storage=env.get("RATE_LIMIT_STORAGE", "memory://"),
            mail_server=env.get("MAIL_SERVER", ""),
            mail_port=_whole(env, "MAIL_PORT", 25, low=1, high=65535),
            max_upload_mb=_whole(env, "MAX_UPLOAD_MB", 32, low=1, high=1024),
            solver_memory_mb=_whole(env, "SOLVER_MEMORY_MB", 4096, low=256, high=1_048_576),
            proxies=_whole(env, "TRUSTED_PROXIES", 0, low=0, high=5),
        )
        config.check()
        return config

    @property
    def production(self) -> bool:
        """Whether this installation serves real users."""
        return self.environment == "production"

    def check(self) -> None:
        """
        Refuse what cannot work or is unsafe.

        Raises
        ------
        ConfigError
            With the name of the variable and what is accepted.
        """
        if self.environment not in {"development", "test", "production"}:
            raise ConfigError(f"MAINSTAY_ENV is {self.environment!r}; use development, test or production.")
        if self.executor not in {"embedded", "none"}:
            raise ConfigError(f"MAINSTAY_EXECUTOR is {self.executor!r}; use embedded or none.")
        if not self.production:
            return
        if self.secret_key == DEVELOPMENT_SECRET or len(self.secret_key) < 32:
            raise ConfigError("SECRET_KEY must be set to at least 32 random characters in production.")
        if len(self.password_salt) < 16 or self.password_salt == DEVELOPMENT_SALT:
            raise ConfigError("PASSWORD_SALT must be set to at least 16 random characters in production.")
        if self.debug:
            raise ConfigError("MAINSTAY_DEBUG must be off in production: tracebacks would show personal data.")


def default_database_url() -> str:
    """Return the address of the SQLite file that a new user starts with."""
    return f"sqlite:///{ROOT / 'instance' / 'mainstay.db'}"


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = env.get(name)
    if text is None:
        return default
    if text.strip().lower() in _TRUE:
        return True
    if text.strip().lower() in _FALSE:
        return False
    raise ConfigError(f"{name} is {text!r}; use 1 or 0.")


def _whole(env: Mapping[str, str], name: str, default: int, *, low: int, high: int) -> int:
    text = env.get(name, str(default))
    try:
        number = int(text)
    except ValueError:
        raise ConfigError(f"{name} is {text!r}; use a whole number.") from None
    if not low <= number <= high:
        raise ConfigError(f"{name} is {number}; use a number from {low} to {high}.")
    return number
