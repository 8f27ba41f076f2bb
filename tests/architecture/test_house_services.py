"""A service that is required and absent fails the run; one that is only wished for skips a test."""

from __future__ import annotations

import psycopg
import pytest
import redis

from tests import required_services as services

CLOSED_PORT = 1  # tcpmux: nothing listens there, and only root could


def absent():
    raise services.ServiceMissingError("looked under the table")


def test_what_the_probe_finds_is_handed_on():
    assert services.require_service("redis", lambda: "found") == "found"


def test_an_absent_service_skips_the_test_with_the_reason(monkeypatch):
    monkeypatch.delenv(services.REQUIRED_VARIABLE, raising=False)

    with pytest.raises(pytest.skip.Exception, match="redis is absent: looked under the table"):
        services.require_service("redis", absent)


def test_an_absent_service_that_is_required_fails_the_test(monkeypatch):
    monkeypatch.setenv(services.REQUIRED_VARIABLE, "postgresql, redis")

    with pytest.raises(pytest.fail.Exception, match="redis is absent: looked under the table"):
        services.require_service("redis", absent)


def test_a_fault_of_the_probe_is_never_a_skip():
    with pytest.raises(ZeroDivisionError):
        services.require_service("redis", lambda: 1 / 0)


def test_a_service_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="'postgres' is no service"):
        services.require_service("postgres", absent)


def test_a_misspelt_requirement_is_refused():
    with pytest.raises(pytest.UsageError, match="names postgres;"):
        services.required_services({services.REQUIRED_VARIABLE: "postgres,redis"})


@pytest.mark.parametrize(("text", "names"), [("", set()), (" , ", set()), ("redis,browser", {"redis", "browser"})])
def test_requirements_are_read_from_a_list_of_names(text, names):
    assert services.required_services({services.REQUIRED_VARIABLE: text}) == names


@pytest.mark.parametrize(
    ("variable", "address", "find"),
    [
        ("MAINSTAY_TEST_POSTGRESQL_URL", f"postgresql://nobody@127.0.0.1:{CLOSED_PORT}/x", services.find_postgresql),
        ("MAINSTAY_TEST_REDIS_URL", f"redis://127.0.0.1:{CLOSED_PORT}", services.find_redis),
        ("MAINSTAY_TEST_BROWSER", "no-such-browser", services.find_browser),
        ("MAINSTAY_SHARED_DATA", "no-such-folder", services.find_shared_data),
    ],
)
def test_a_probe_that_finds_nothing_says_where_it_looked(monkeypatch, variable, address, find):
    monkeypatch.setenv(variable, address)

    with pytest.raises(services.ServiceMissingError, match=rf"{CLOSED_PORT}|no-such-browser|{variable}"):
        find()


def test_workers_share_no_redis_database():
    urls = [services.redis_database_url("redis://host", worker) for worker in ("gw0", "gw1", "gw2", "gw3")]

    assert urls[0] == services.redis_database_url("redis://host", "master") == "redis://host/15"
    assert len(set(urls)) == len(urls)


def test_a_postgresql_database_starts_empty_and_is_gone_afterwards():
    server_url = services.require_service("postgresql", services.find_postgresql)
    query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"

    with services.temporary_database(server_url) as url:
        address = url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(address) as connection:
            tables = connection.execute(query).fetchone()

    assert tables == (0,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(address)


def test_a_redis_database_starts_empty_and_keeps_what_is_written(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        before = client.dbsize()
        client.set("plan", "published")
        kept = client.get("plan")

    assert (before, kept) == (0, b"published")


def test_the_browser_that_was_found_is_a_file(browser_path):
    assert browser_path.is_file()


def test_the_shared_data_that_was_found_holds_the_call_log(shared_data):
    assert (shared_data / "demand").is_dir()
