"""`GET /cf.js`: the script that the company puts into its own pages."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from web.http.script import integrity, source

router = APIRouter()


@router.get("/cf.js")
async def script(request: Request) -> Response:
    """The script, for pages of any origin; browsers ask again after an hour, and get 304 while it is the same."""
    tag = f'"{integrity()[7:23]}"'
    headers = {
        "Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=3600",
        "Cross-Origin-Resource-Policy": "cross-origin", "ETag": tag,
    }  # fmt: skip
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(source(), headers=headers, media_type="text/javascript")
