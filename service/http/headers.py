"""What a request's headers say, read without building anything of them."""

import re

from starlette.types import Scope

_CODING = re.compile(r"([!#$%&'*+\-.^_`|~\w]+)(?:\s*;\s*q=([\d.]+))?")


def header(scope: Scope, name: bytes) -> str | None:
    """The value of a header, of several lines joined as HTTP has it; None without.

    Args:
        scope: Of the request.
        name: In lower case, as servers hand it over.
    """
    found = [value for key, value in scope["headers"] if key == name]
    return b", ".join(found).decode("latin-1") if found else None


def takes_gzip(scope: Scope) -> bool:
    """Whether the client takes gzip (RFC 9110, section 12.5.3): it names it, or all, with a weight above 0."""
    accepted = header(scope, b"accept-encoding")
    if accepted is None:
        return False
    weights = {coding.lower(): weight for coding, weight in _CODING.findall(accepted)}
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*")))
    if weight is None:
        return False
    try:
        return float(weight or 1) > 0
    except ValueError:
        return False
