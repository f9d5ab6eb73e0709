"""Describes the service by OpenAPI 3.1. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from resolver.row import Row
from resolver.serving.responses import STATUSES

_REFS = "#/components/schemas/{name}"
_STATUS = {"type": "string", "const": "ok"}
_NO_CONTENT = "The caller's copy, named by If-None-Match, is still right."


def build_description(version: str) -> dict[str, Any]:
    """The description of all routes, as plain values. `version` is that of the program."""
    (row,), schemas = msgspec.json.schema_components((Row,), ref_template=_REFS)
    schemas["Problem"] = {
        "title": "Problem",
        "description": "What is wrong with a request, as a whole.",
        "type": "object",
        "properties": {"error": {"$ref": _REFS.format(name="ErrorRow")}},
        "required": ["error"],
    }
    schemas["Health"] = {
        "title": "Health",
        "type": "object",
        "properties": {"status": _STATUS, "version": {"type": "string"}},
        "required": ["status", "version"],
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hubresolve",
            "version": version,
            "description": "Commit, library, task, framework, architecture and model class of Hugging Face Hub repos.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/models/{id}": {"get": _describe_model(row)},
            "/v1/resolve": {"post": _describe_resolve(row)},
            "/healthz": {"get": _describe_health()},
            "/metrics": {"get": _describe_metrics()},
            "/openapi.json": {"get": _describe_self()},
            "/": {"get": _describe_page()},
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "hubToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the Hub, for repos that are not public; for its sender alone.",
                }
            },
        },
    }


def render_description(version: str) -> bytes:
    """The description as JSON."""
    return msgspec.json.encode(build_description(version))


def _describe_model(row: dict[str, Any]) -> dict[str, Any]:
    by_status: dict[str, list[str]] = {}
    for code, status in STATUSES.items():
        by_status.setdefault(str(status), []).append(code)
    # A row, or a problem with the request.
    both = {"anyOf": [row, _refer("Problem")]}
    errors = {
        status: _respond(f"No answer: {', '.join(codes)}.", "application/json", both)
        for status, codes in sorted(by_status.items())
    }
    return {
        "operationId": "getModel",
        "summary": "The answer for one repo",
        "description": "An error is a row too; its status is by its code.",
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": "ORG/NAME, or NAME; the slash may be escaped or not. A path is refused.",
                "schema": {"type": "string"},
            },
            *_REQUEST_PARAMETERS,
            _header("If-None-Match", "The ETag of a copy."),
        ],
        "security": [{}, {"hubToken": []}],
        "responses": {
            "200": {
                **_respond("The row.", "application/json", row),
                "headers": {"ETag": {"schema": {"type": "string"}}},
            },
            "304": {"description": _NO_CONTENT},
            **errors,
        },
    }


def _describe_resolve(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": "resolve",
        "summary": "A row for each id of a list, in its order, as they come",
        "description": (
            "One JSON object a line. Errors of single ids are rows. A stream that does not end with its last chunk is "
            "not complete."
        ),
        "parameters": _REQUEST_PARAMETERS,
        "requestBody": {
            "required": True,
            "description": "Ids, one a line: ORG/NAME or ORG/NAME@REVISION. Blank lines and those with # are skipped.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        "security": [{}, {"hubToken": []}],
        "responses": {
            "200": _respond("Rows.", "application/x-ndjson", row),
            "400": _problem("The query cannot be used."),
            "401": _problem("The header Authorization cannot be used."),
            "408": _problem("The list did not come in time."),
            "413": _problem("The list is too long."),
            "415": _problem("The list is compressed."),
            "422": _problem("The task is unknown."),
            **_LIMITED,
        },
    }


def _describe_health() -> dict[str, Any]:
    return {
        "operationId": "getHealth",
        "summary": "Whether the service runs",
        "responses": {
            "200": _respond("It runs.", "application/json", _refer("Health")),
            "400": _problem("The query cannot be used."),
        },
    }


def _describe_metrics() -> dict[str, Any]:
    return {
        "operationId": "getMetrics",
        "summary": "Metrics for Prometheus, for the operator alone",
        "responses": {
            "200": _respond("Metrics.", "text/plain", {"type": "string"}),
            "403": _problem("The caller is not the operator."),
            "501": _problem("prometheus_client is not installed."),
        },
    }


def _describe_self() -> dict[str, Any]:
    return {
        "operationId": "getDescription",
        "summary": "This description",
        "responses": {
            "200": _respond("OpenAPI 3.1.", "application/json", {"type": "object"}),
            "400": _problem("The query cannot be used."),
        },
    }


def _describe_page() -> dict[str, Any]:
    return {
        "operationId": "getPage",
        "summary": "A page to look through what is known",
        "parameters": [
            {
                "name": "author",
                "in": "query",
                "description": "Only repos of this user or organisation.",
                "schema": {"type": "string"},
            },
            _header("If-None-Match", "The ETag of a copy."),
        ],
        "responses": {
            "200": _respond("The page.", "text/html", {"type": "string"}),
            "304": {"description": _NO_CONTENT},
            "400": _problem("The query cannot be used."),
            **_LIMITED,
        },
    }


def _refer(name: str) -> dict[str, str]:
    return {"$ref": _REFS.format(name=name)}


def _respond(description: str, content_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {content_type: {"schema": schema}}}


def _problem(description: str) -> dict[str, Any]:
    return _respond(description, "application/json", _refer("Problem"))


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}


_LIMITED = {
    "429": _problem("The client sends too much; Retry-After says when to try again."),
    "500": _problem("A defect of the service."),
    "503": _problem("The service is busy, or its store cannot be used; Retry-After says when to try again."),
}

_REQUEST_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "revision",
        "in": "query",
        "description": "Branch, tag or commit hash, for ids that name none; by default main.",
        "schema": {"type": "string"},
    },
    {
        "name": "task",
        "in": "query",
        "description": "Answer for this task; a repo that cannot serve it is an error.",
        "schema": {"type": "string"},
    },
]
