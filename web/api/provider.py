"""What the mail provider tells by itself: `POST /hooks/sendgrid`, SendGrid's signed Event Webhook."""

from __future__ import annotations

import structlog
from fastapi import APIRouter
from prometheus_client import Counter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.mail import sendgrid_events
from engine.sending import feedback
from web.http.context import runtime, spend

router = APIRouter()
EVENTS = Counter("coldframe_provider_events_total", "Events that the mail provider has reported", ["outcome"])
for _outcome in ("malformed", "set aside"):
    EVENTS.labels(_outcome)  # a series that begins with 1 has no increase, and its alert would stay silent
REFUSED = "The email provider did not sign this batch."
log = structlog.get_logger("web")


@router.post("/hooks/sendgrid")
async def sendgrid(request: Request) -> Response:
    """200 once everything is committed. Whatever is wrong with a batch's signature, and without a key, it is 403.

    What cannot be read is put aside: counted, logged by its kind of mistake, and not asked for again. Anything that
    fails answers 5xx, so that the provider repeats the batch; what was committed by then stays and is not repeated.
    """
    rt, headers = runtime(request), request.headers
    key, raw = rt.settings.sendgrid_webhook_key, await request.body()
    signature, timestamp = headers.get(sendgrid_events.SIGNATURE, ""), headers.get(sendgrid_events.TIMESTAMP, "")
    if key is None or not sendgrid_events.genuine(key, raw, signature, timestamp, rt.clock.real()):
        spend(request)
        log.warning("provider events refused", configured=key is not None)
        raise HTTPException(403, REFUSED)
    try:
        batch = sendgrid_events.read(raw)
    except sendgrid_events.Malformed as problem:
        EVENTS.labels("malformed").inc()
        log.warning("provider events put aside", problem=str(problem))
        raise HTTPException(400) from None
    for mistake in batch.malformed:
        EVENTS.labels("malformed").inc()
        log.warning("provider event put aside", problem=mistake)
    counts = await feedback.report_all(rt, batch.reports)
    counts["unknown"] += batch.foreign
    for outcome, many in counts.items():
        EVENTS.labels(outcome).inc(many)
    return JSONResponse({**counts, "malformed": len(batch.malformed)})
