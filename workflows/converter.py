"""What payloads and failures look like on the wire: Pydantic's JSON, and of a failure only its code."""

from __future__ import annotations

import dataclasses
import re
from typing import Final

from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import CompositePayloadConverter, DataConverter, DefaultFailureConverter, PayloadConverter

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")
UNNAMED: Final = "error"
"""The code of a failure whose own type is not a plain word."""

_ENCODINGS: Final = tuple(PydanticPayloadConverter().converters.values())


class SharedPayloadConverter(CompositePayloadConverter):
    """`PydanticPayloadConverter` with one cache of type adapters for the process, since each run makes a converter."""

    def __init__(self) -> None:
        super().__init__(*_ENCODINGS)


class CodeOnlyFailureConverter(DefaultFailureConverter):
    """Keeps the kind of a failure and its code; messages, details, stack traces and causes may hold personal data."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        super().to_failure(exception, payload_converter, failure)
        scrub(failure)


def scrub(failure: Failure) -> None:
    """Remove from the failure, in place, whatever a person may have written or a traceback may show."""
    for part in ("message", "stack_trace", "encoded_attributes", "cause"):
        failure.ClearField(part)
    kind = failure.WhichOneof("failure_info")
    if kind == "application_failure_info":
        info = failure.application_failure_info
        info.ClearField("details")
        if not _CODE.fullmatch(info.type):
            info.type = UNNAMED
        failure.message = info.type
    elif kind == "canceled_failure_info":
        failure.canceled_failure_info.ClearField("details")
    elif kind == "timeout_failure_info":
        failure.timeout_failure_info.ClearField("last_heartbeat_details")
    elif kind == "reset_workflow_failure_info":
        failure.reset_workflow_failure_info.ClearField("last_heartbeat_details")


data_converter: Final[DataConverter] = dataclasses.replace(
    pydantic_data_converter,
    payload_converter_class=SharedPayloadConverter,
    failure_converter_class=CodeOnlyFailureConverter,
)
