"""
Configuration of Mainstay, read from environment variables.

Each field of :class:`Config` names its variable, its default and its meaning; ``docs/operations.md`` lists them for
operators.  Nothing else in the project reads the environment.
"""

from __future__ import annotations

import ipaddress
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
    previous_secret_keys
        ``PREVIOUS_SECRET_KEYS``: keys that ``SECRET_KEY`` was before, separated by commas. What was encrypted with them
        can still be read, and customers who were erased under them are known again. They sign nothing.
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
        worker``, ``celery`` tells ``mainstay worker`` of them through Redis.
    celery_broker_url
        ``CELERY_BROKER_URL``: the Redis database of the messages that jobs wait, such as ``redis://127.0.0.1:6379/0``.
        Needed with ``celery`` only.
    job_quotas
        ``JOB_QUOTAS``: jobs that one person may have at work and waiting beside these, by group, such as
        ``plans=2/5,imports=1/10``; what it does not name has its default.
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
    overdue_days
        ``OVERDUE_DAYS``: days after which a review that nobody gives is shown to HR, 10 by default.
    customer_words_days
        ``CUSTOMER_WORDS_DAYS``: days after which what customers said, such as the subject of an engagement that ended,
        is cleared, 90 by default.
    live_streams
        ``LIVE_STREAMS``: how many pages of one process are told of changes by a stream, 2 by default; pages beyond ask
        from time to time. Each stream holds a thread of the server: keep it well below their number.
    outgoing_allow
        ``OUTGOING_ALLOW``: hosts, addresses and networks, separated by commas, that webhooks and connections may call
        although they are not public, and without TLS; empty by default.
    outgoing_ca_file
        ``OUTGOING_CA_FILE``: certificates of the authorities that calls out believe; the public ones by default.
    api_rate_per_minute
        ``API_RATE_PER_MINUTE``: how many requests of one API token are answered in a minute, 30000 by default.
    local_passwords
        ``LOCAL_PASSWORDS``: whether people may sign in with a password, on by default; off needs ``OIDC_ISSUER``.
    oidc_issuer
        ``OIDC_ISSUER``: the identity provider's issuer, such as ``https://login.example.com``; without it, nobody signs
        in with one.
    oidc_client_id, oidc_client_secret
        ``OIDC_CLIENT_ID``, ``OIDC_CLIENT_SECRET``: as the provider knows this installation; a public client has no
        secret.
    oidc_scopes
        ``OIDC_SCOPES``: what is asked for, ``openid email profile`` by default.
    oidc_label
        ``OIDC_LABEL``: what the button says, ``Sign in with your company`` by default.
    metrics_token
        ``METRICS_TOKEN``: the bearer token with which ``/metrics`` is read; without it, it is closed in production.
    routing_days
        ``ROUTING_DAYS``: how many days live contacts and routing decisions are kept, 30 by default.
    thread_days
        ``THREAD_DAYS``: how many days what is said on threads is kept, 90 by default.
    proxies
        ``TRUSTED_PROXIES``: how many reverse proxies stand in front and may be believed, 0 by default.
    """

    environment: str = "development"
    secret_key: str = DEVELOPMENT_SECRET
    previous_secret_keys: tuple[str, ...] = ()
    password_salt: str = DEVELOPMENT_SALT
    database_url: str = ""
    debug: bool = False
    https: bool = False
    executor: str = "embedded"
    celery_broker_url: str = ""
    job_quotas: str = ""
    limiter_storage: str = "memory://"
    mail_server: str = ""
    mail_port: int = 25
    max_upload_mb: int = 32
    solver_memory_mb: int = 4096
    overdue_days: int = 10
    customer_words_days: int = 90
    live_streams: int = 2
    outgoing_allow: str = ""
    outgoing_ca_file: str = ""
    api_rate_per_minute: int = 30_000
    local_passwords: bool = True
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_scopes: str = "openid email profile"
    oidc_label: str = "Sign in with your company"
    metrics_token: str = ""
    routing_days: int = 30
    thread_days: int = 90
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
            previous_secret_keys=tuple(filter(None, map(str.strip, env.get("PREVIOUS_SECRET_KEYS", "").split(",")))),
            password_salt=env.get("PASSWORD_SALT", DEVELOPMENT_SALT),
            database_url=env.get("DATABASE_URL", "") or default_database_url(),
            debug=_flag(env, "MAINSTAY_DEBUG", default=False),
            https=_flag(env, "MAINSTAY_HTTPS", default=environment == "production"),
            executor=env.get("MAINSTAY_EXECUTOR", "embedded"),
            celery_broker_url=env.get("CELERY_BROKER_URL", ""),
            job_quotas=env.get("JOB_QUOTAS", ""),
            limiter_storage=env.get("RATE_LIMIT_STORAGE", "memory://"),
            mail_server=env.get("MAIL_SERVER", ""),
            mail_port=_whole(env, "MAIL_PORT", 25, low=1, high=65535),
            max_upload_mb=_whole(env, "MAX_UPLOAD_MB", 32, low=1, high=1024),
            solver_memory_mb=_whole(env, "SOLVER_MEMORY_MB", 4096, low=256, high=1_048_576),
            overdue_days=_whole(env, "OVERDUE_DAYS", 10, low=1, high=365),
            customer_words_days=_whole(env, "CUSTOMER_WORDS_DAYS", 90, low=1, high=3650),
            live_streams=_whole(env, "LIVE_STREAMS", 2, low=0, high=500),
            outgoing_allow=env.get("OUTGOING_ALLOW", ""),
            outgoing_ca_file=env.get("OUTGOING_CA_FILE", ""),
            api_rate_per_minute=_whole(env, "API_RATE_PER_MINUTE", 30_000, low=1, high=10_000_000),
            local_passwords=_flag(env, "LOCAL_PASSWORDS", default=True),
            oidc_issuer=env.get("OIDC_ISSUER", ""),
            oidc_client_id=env.get("OIDC_CLIENT_ID", ""),
            oidc_client_secret=env.get("OIDC_CLIENT_SECRET", ""),
            oidc_scopes=env.get("OIDC_SCOPES", "openid email profile"),
            oidc_label=env.get("OIDC_LABEL", "Sign in with your company"),
            metrics_token=env.get("METRICS_TOKEN", ""),
            routing_days=_whole(env, "ROUTING_DAYS", 30, low=1, high=3650),
            thread_days=_whole(env, "THREAD_DAYS", 90, low=1, high=3650),
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
        if self.executor not in {"embedded", "none", "celery"}:
            raise ConfigError(f"MAINSTAY_EXECUTOR is {self.executor!r}; use embedded, none or celery.")
        if self.celery_broker_url and not self.celery_broker_url.startswith(("redis://", "rediss://")):
            raise ConfigError("CELERY_BROKER_URL must be the address of a Redis database: redis://host:6379/0.")
        if self.executor == "celery" and not self.celery_broker_url:
            raise ConfigError("MAINSTAY_EXECUTOR is celery: CELERY_BROKER_URL must name the Redis of its messages.")
        _check_networks(self.outgoing_allow)
        _check_sign_in(self)
        if not self.production:
            return
        if self.secret_key == DEVELOPMENT_SECRET or len(self.secret_key) < 32:
            raise ConfigError("SECRET_KEY must be set to at least 32 random characters in production.")
        if len(self.password_salt) < 16 or self.password_salt == DEVELOPMENT_SALT:
            raise ConfigError("PASSWORD_SALT must be set to at least 16 random characters in production.")
        if self.metrics_token and len(self.metrics_token) < 16:
            raise ConfigError("METRICS_TOKEN must have at least 16 characters in production.")
        if self.debug:
            raise ConfigError("MAINSTAY_DEBUG must be off in production: tracebacks would show personal data.")


def _check_networks(allowed: str) -> None:
    for entry in filter(None, (part.strip() for part in allowed.split(","))):
        if "/" in entry:
            try:
                ipaddress.ip_network(entry, strict=False)
            except ValueError:
                raise ConfigError(f"OUTGOING_ALLOW names {entry!r}, which is no network.") from None


def _check_sign_in(config: Config) -> None:
    if config.oidc_issuer and not config.oidc_client_id:
        raise ConfigError("OIDC_ISSUER needs OIDC_CLIENT_ID, the name under which the provider knows Mainstay.")
    if config.oidc_issuer and config.production and not config.oidc_issuer.startswith("https://"):
        raise ConfigError("OIDC_ISSUER must begin with https:// in production.")
    if not config.local_passwords and not config.oidc_issuer:
        raise ConfigError("LOCAL_PASSWORDS is off and OIDC_ISSUER is not set: nobody could sign in.")


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
