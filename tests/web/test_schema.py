"""Requests made up from the API's own description, valid and not: none may be answered with a server error."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

schemathesis = pytest.importorskip("schemathesis")
LONG = ("POST /api/forecast", "POST /api/plan/laws", "POST /api/report")  # seconds each
REAL = {"study": "stdlib", "role": "fit"}


def run(server, mode, real):
    """Statuses by operation. `real`: every body names data that exist and a law of the catalogue."""
    who = {"authorization": f"Bearer {server.token}"}
    schema = schemathesis.openapi.from_url(f"{server.base}/api/openapi.json", headers=who)
    statuses = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        seen = statuses.setdefault(operation.label, set())
        tries = 6 if real and operation.label in LONG else 25

        @settings(max_examples=tries, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case):
            if real and isinstance(case.body, dict):
                case.body = case.body | {"data": REAL} | ({"law": "chinchilla"} if "law" in case.body else {})
            answer = case.call(headers=who)
            seen.add(answer.status_code)
            assert answer.status_code < 500, (case.as_curl_command(), answer.text)

        try:
            one()
        except Unsatisfiable:  # nothing can be wrong in a request that takes anything
            assert (
                operation.label in ("GET /api/about", "PUT /api/tables/{name}") and mode is schemathesis.GenerationMode.NEGATIVE
            )
    return statuses


@pytest.mark.slow
@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda m: m.name)
def test_no_request_breaks_the_app(server, mode, real):
    statuses = run(server, mode, real)
    assert len(statuses) == 11 and all(s <= {200, 400, 404, 405, 413, 422} for s in statuses.values()), statuses
    if real and mode is schemathesis.GenerationMode.POSITIVE:
        assert {label for label, s in statuses.items() if 200 in s} >= {"POST /api/fit", "POST /api/plan", "POST /api/look"}, (
            statuses
        )
