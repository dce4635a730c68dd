"""Takes the place of the root conftest that CrewAI's source distribution lacks; copied beside its `tests` folder.

It gives every test fresh storage and an event bus without a history, says how recorded requests are matched, installs
the drop-in if it is asked to, and notes each test's outcome. Runs in the suite's own virtual environment.
"""

from __future__ import annotations

import base64
import gzip
import importlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent / "tests"
KEYS = (
    *("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENROUTER_API_KEY"),
    *("AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SERPER_API_KEY"),
    *("COHERE_API_KEY", "VOYAGE_API_KEY", "HF_TOKEN", "DEEPSEEK_API_KEY", "DASHSCOPE_API_KEY", "CEREBRAS_API_KEY"),
    *("SNOWFLAKE_PAT", "GROQ_API_KEY", "MISTRAL_API_KEY", "TOGETHER_API_KEY"),
)
ENDPOINTS = {
    "AZURE_ENDPOINT": "https://fake-azure-endpoint.openai.azure.com",
    "AZURE_OPENAI_ENDPOINT": "https://fake-azure-endpoint.openai.azure.com",
    "AZURE_API_VERSION": "2024-02-15-preview",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION_NAME": "us-east-1",
    "OPENAI_BASE_URL": "https://api.openai.com/v1",
    "OPENAI_API_BASE": "https://api.openai.com/v1",
}
QUIET = {"OTEL_SDK_DISABLED": "true", "CREWAI_DISABLE_TELEMETRY": "true"}
"""Without these each kickoff waits for an export that the blocked network refuses."""
HOSTS_OF_ANY_REGION = (
    (re.compile(r"^[\w-]+\.openai\.azure\.com$"), "fake-azure-endpoint.openai.azure.com"),
    (re.compile(r"^bedrock-runtime\.[\w-]+\.amazonaws\.com$"), "bedrock-runtime.vcr.amazonaws.com"),
)
_HEADERS_OF_ENCODING = ("content-encoding", "Content-Encoding")

for _name in KEYS:
    os.environ.setdefault(_name, "fake-key-of-the-suite")
for _name, _value in {**ENDPOINTS, **QUIET}.items():
    os.environ.setdefault(_name, _value)

outcomes: dict[str, str] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "telemetry: a test of CrewAI's telemetry")
    if config.getoption("numprocesses", None) is not None and not hasattr(config, "workerinput"):
        return  # the controller of pytest-xdist runs no test
    _let_recordings_hold_bytes()
    _let_clients_try_again_at_once()
    if os.environ.get("ENDSTOP_SUITE_INSTALL") == "1":
        import endstop.crewai

        endstop.crewai.install()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        worst = "failed" if outcomes.get(report.nodeid) == "failed" else report.outcome
        outcomes[report.nodeid] = worst


def pytest_sessionfinish(session: pytest.Session) -> None:
    # A worker of pytest-xdist hears only of its own tests; the controller of all.
    if not hasattr(session.config, "workerinput") and "ENDSTOP_SUITE_OUTCOMES" in os.environ:
        Path(os.environ["ENDSTOP_SUITE_OUTCOMES"]).write_text(json.dumps(outcomes, indent=0, sort_keys=True))


@pytest.fixture(autouse=True)
def fresh_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Storage, environment and event state of one test."""
    from crewai.events import base_events, event_context
    from crewai.events.event_bus import crewai_event_bus
    from crewai.events.listeners.tracing import trace_listener

    environment = dict(os.environ)
    os.environ["CREWAI_STORAGE_DIR"] = str(tmp_path_factory.mktemp("storage"))
    os.environ["CREWAI_TESTING"] = "true"
    base_events.reset_emission_counter()
    event_context._event_id_stack.set(())
    event_context._event_context_config.set(event_context.EventContextConfig())
    yield
    with crewai_event_bus._rwlock.w_locked():
        crewai_event_bus._sync_handlers.clear()
        crewai_event_bus._async_handlers.clear()
    listener: Any = trace_listener.TraceCollectionListener
    listener._instance = None
    _restore_environment(environment)


def _restore_environment(environment: dict[str, str]) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)


@pytest.fixture(scope="module")
def vcr_cassette_dir(request: pytest.FixtureRequest) -> str:
    """Recordings lie in `tests/cassettes`, in folders like those of the tests."""
    return str(TESTS / "cassettes" / request.path.parent.relative_to(TESTS))


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    return {
        "record_mode": "none",
        "match_on": ["method", "scheme", "host", "port", "path"],
        "filter_query_parameters": ["key"],
        "before_record_request": _with_plain_host,
        "before_record_response": _with_plain_body,
    }


def _with_plain_host(request: Any) -> Any:
    request.method = request.method.upper()
    for pattern, placeholder in HOSTS_OF_ANY_REGION:
        if request.host and pattern.match(request.host):
            request.uri = request.uri.replace(request.host, placeholder)
    return request


def _with_plain_body(response: dict[str, Any]) -> dict[str, Any]:
    for name in _HEADERS_OF_ENCODING:
        encoding = response.get("headers", {}).pop(name, None)
        body = response.get("body", {}).get("string", b"")
        if encoding == ["gzip"] and isinstance(body, bytes) and body.startswith(b"\x1f\x8b"):
            response["body"]["string"] = gzip.decompress(body)
    return response


def _let_recordings_hold_bytes() -> None:
    """vcrpy's stubs for httpx decode every request body as UTF-8; uploads are not."""
    from vcr.request import Request
    from vcr.stubs import httpx_stubs as stubs

    def make_request(httpx_request: Any, real_request_body: Any = None, **_rest: Any) -> Any:
        body = real_request_body if real_request_body is not None else httpx_request.read()
        if isinstance(body, bytes):
            try:
                body = body.decode()
            except UnicodeDecodeError:
                body = base64.b64encode(body).decode("ascii")
        return Request(httpx_request.method, str(httpx_request.url), body, dict(httpx_request.headers))

    if hasattr(stubs, "_make_vcr_request"):
        stubs._make_vcr_request = make_request


def _let_clients_try_again_at_once() -> None:
    """What is not recorded is refused, and no pause helps. Counting a prompt's tokens asks so before each answer."""
    for name in ("openai", "anthropic"):
        client = importlib.import_module(f"{name}._base_client").BaseClient
        client._calculate_retry_timeout = lambda *_args, **_kwargs: 0.0
