"""What is written about the API is true: its OpenAPI document, its reference page and the examples of docs/api.md."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from werkzeug.serving import make_server

from webapp.models import Role
from webapp.web.rest import links
from webapp.web.rest.links import Link, UnknownLinkError

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def document(client):
    return client.get("/api/v1/openapi.json").json


def test_the_document_is_openapi_3_1_and_each_of_its_schemas_is_valid(document):
    assert document["openapi"] == "3.1.0"
    assert set(document) >= {"openapi", "info", "paths", "components"}
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_of_the_document_leads_somewhere(document):
    for reference in set(re.findall(r'"\$ref": "#/components/(\w+)/(\w+)"', str(document).replace("'", '"'))):
        assert reference[1] in document["components"][reference[0]]


def _links(document):
    """Yield the operation, the answer's schema and the link, for each link."""
    for item in document["paths"].values():
        for method, operation in item.items():
            if method != "parameters":
                for answer in operation["responses"].values():
                    for link in answer.get("links", {}).values():
                        yield operation, answer, link


def _field(document, schema, path):
    """Return what a schema says of a place in an answer."""
    for part in path:
        while "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if "anyOf" in schema:
            return _field(document, schema["anyOf"][0], path)
        schema = schema["items"] if part.isdecimal() else schema["properties"][part]
        path = path[1:]
    return schema


def test_each_link_takes_a_whole_number_of_the_answer_to_an_operation_that_asks_for_one(document):
    links = list(_links(document))

    for _, answer, link in links:
        for name, source in link["parameters"].items():
            if source.startswith("$response.body#/"):
                schema = answer["content"]["application/json"]["schema"]
                assert "integer" in _field(document, schema, source.removeprefix("$response.body#/").split("/"))["type"]
                assert name.startswith(("path.", "query."))
            else:
                assert (name, source) == ("header.If-Match", "$response.header.ETag")
                assert "ETag" in answer["headers"]
    assert len(links) > 100


def test_what_is_made_or_listed_leads_to_what_reads_it(document):
    """Every operation on one row is led to from elsewhere: nobody has to guess a key."""
    led_to = {link["operationId"] for _, _, link in _links(document)}
    unled = {
        operation["operationId"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and path.endswith("}") and operation["operationId"] not in led_to
    }

    assert unled == set()


@pytest.mark.parametrize(
    ("operations", "values", "words"),
    [(("get_tem",), {"team_id": "id"}, "which there is not"), (("get_team",), {"tem_id": "id"}, "takes no tem_id")],
)
def test_a_link_that_leads_nowhere_is_refused(document, operations, values, words):
    with pytest.raises(UnknownLinkError, match=words):
        links.write(document, {"create_team": [Link(operations, values)]})


def test_each_operation_has_its_own_name_a_summary_and_its_scope(document):
    operations = [
        operation
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    names = [operation["operationId"] for operation in operations]

    assert len(names) == len(set(names))
    assert all(operation["summary"].endswith(".") for operation in operations)
    assert all(operation.get("x-scope") or operation["security"] == [] for operation in operations)


def test_the_document_names_each_operation_that_there_is(app, document):
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api_") and rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    written = {(path, method) for path, item in document["paths"].items() for method in item if method != "parameters"}
    assert served == written


def test_the_reference_shows_every_operation_and_fetches_nothing_from_elsewhere(make, sign_in, document):
    page = sign_in(make.person()).get("/api-docs")

    assert page.status_code == 200
    for path, item in document["paths"].items():
        assert path in page.text
        for method, operation in item.items():
            if method != "parameters":
                assert f'id="{operation["operationId"]}"' in page.text
                for answer in operation["responses"].values():
                    for target in answer.get("links", {}):
                        assert f'href="#{target}"' in page.text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)


def test_the_examples_of_the_documentation_work(app, make, make_token):
    admin = make.person(roles=[Role.ADMIN])
    for _ in range(3):
        make.person()
    _, secret = make_token(admin)
    make.commit()
    examples = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", "\n".join(examples)],
            env={"PATH": os.environ["PATH"], "TOKEN": secret, "MAINSTAY": f"http://127.0.0.1:{server.server_port}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert len(examples) >= 6
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"name":"Night shift"' in done.stdout
    assert '"kind":"plan.solve"' in done.stdout
