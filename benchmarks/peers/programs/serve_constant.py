"""What the served feed is measured beside: the same server, and an application that answers so many bytes at once.

python serve_constant.py PORT BYTES
"""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BODY = int(sys.argv[2]) * b"x"


async def answer(request: Request) -> Response:
    return Response(BODY, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(
        Starlette(routes=[Route("/v1/notices", answer)]),
        port=int(sys.argv[1]),
        access_log=False,
        log_level="warning",
        http="httptools",
        loop="uvloop",
    )
