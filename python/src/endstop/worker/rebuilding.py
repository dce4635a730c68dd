"""Makes again, in a worker, what has no pickle but can be made from its parts. The other half is client/reducing.py."""

from __future__ import annotations

import ssl
from typing import Any


def rebuild_model(cls: Any, fields: dict[str, Any], private: dict[str, Any]) -> Any:
    """A pydantic model by its own constructor, which makes what was not sent; private attributes that were are set.

    Raises whatever the constructor raises.
    """
    model = cls(**fields)
    for name, value in private.items():
        model.__pydantic_private__[name] = value
    return model


def rebuild_ssl_context(settings: dict[str, Any], certificates: bytes) -> ssl.SSLContext:
    """Trusts the same authorities, and no others.

    A client certificate does not come along, Python cannot read it back: servers that ask for one refuse the worker.
    """
    context = ssl.SSLContext(settings["protocol"])
    context.check_hostname = False  # or verify_mode could not be set to less
    for name in ("options", "verify_flags", "minimum_version", "maximum_version", "verify_mode", "check_hostname"):
        setattr(context, name, settings[name])
    if certificates:
        context.load_verify_locations(cadata=certificates)
    return context
