"""The least that could answer in the service's place, under the same server options.

python -m benchmarks.load_rivals fastapi 8001 [WORKERS]
python -m benchmarks.load_rivals asgi 8002
"""

import sys
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Response
from starlette.types import Receive, Scope, Send

from service.api import examples

_TEN: dict[str, Any] = {**examples.RELATED, "hits": (examples.RELATED["hits"] * 5)[:10]}
_WRITTEN = orjson.dumps(_TEN)
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_WRITTEN)).encode())]

fastapi = FastAPI()


@fastapi.get("/")
async def ten_hits() -> dict[str, Any]:
    """Answer ten constant hits, as FastAPI has one write it: a typed value."""
    return _TEN


@fastapi.get("/written")
async def ten_hits_written() -> Response:
    """Answer the bytes of ten constant hits."""
    return Response(_WRITTEN, media_type="application/json")


async def asgi(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer the bytes of ten constant hits without any framework."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _WRITTEN})


def main() -> None:
    """Serve one of them on loopback."""
    name, port, *workers = sys.argv[1:]
    uvicorn.run(
        f"benchmarks.load_rivals:{name}",
        port=int(port),
        workers=int(workers[0]) if workers else None,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
    )


if __name__ == "__main__":
    main()
