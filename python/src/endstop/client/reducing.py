"""The pickler of tools and arguments: fresh locks, SSL contexts, and models that are rebuilt from their fields."""

from __future__ import annotations

import io
import ssl
import threading
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle

from endstop.worker.rebuilding import rebuild_model, rebuild_ssl_context

PICKLE_PROTOCOL = 5
_LOCK_TYPE = type(threading.Lock())
_REENTRANT_LOCK_TYPE = type(threading.RLock())
_SETTINGS = (
    "protocol",
    "options",
    "verify_flags",
    "minimum_version",
    "maximum_version",
    "verify_mode",
    "check_hostname",
)

# Attributes of pydantic models that have no pickle, by class: what was found once is left out at once the next time.
Omitted = dict[type, frozenset[str]]


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Notes the modules whose names the pickle refers to."""

    def __init__(self, file: io.BytesIO, omitted: Mapping[type, frozenset[str]]) -> None:
        super().__init__(file, protocol=PICKLE_PROTOCOL)
        self.modules: set[str] = set()
        self._omitted = omitted

    @classmethod
    def dump_with_modules(cls, value: Any, omitted: Mapping[type, frozenset[str]] = {}) -> tuple[bytes, set[str]]:
        """Leaves out the `omitted` attributes: their models are made again by their own constructors."""
        file = io.BytesIO()
        pickler = cls(file, omitted)
        pickler.dump(value)
        return file.getvalue(), pickler.modules - {"__main__", "builtins"}

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is _LOCK_TYPE:
            return threading.Lock, ()
        if kind is _REENTRANT_LOCK_TYPE:
            return threading.RLock, ()
        if kind is ssl.SSLContext:
            settings = {name: getattr(obj, name) for name in _SETTINGS}
            return rebuild_ssl_context, (settings, b"".join(obj.get_ca_certs(binary_form=True)))
        if kind in self._omitted:
            return rebuild_model, (kind, *_sendable_parts(obj, self._omitted[kind]))
        reduced = super().reducer_override(obj)
        if isinstance(obj, ModuleType):
            self.modules.add(obj.__name__)
        elif reduced is NotImplemented and isinstance(obj, (type, FunctionType)):
            self.modules.add(obj.__module__)
        return reduced


def can_be_rebuilt_without(model: Any, attribute: str) -> bool:
    """Whether a pydantic model's constructor makes `attribute` itself: a private one, or a field with a default."""
    fields = getattr(type(model), "__pydantic_fields__", None)
    if not isinstance(fields, dict):
        return False
    if attribute in (getattr(model, "__pydantic_private__", None) or {}):
        return True
    return attribute in fields and not fields[attribute].is_required() and attribute not in model.model_fields_set


def _sendable_parts(model: Any, omitted: frozenset[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    fields = type(model).__pydantic_fields__
    return (
        {
            fields[name].alias or name if name in fields else name: value
            for name, value in vars(model).items()
            if name not in omitted
        },
        {name: value for name, value in (model.__pydantic_private__ or {}).items() if name not in omitted},
    )
