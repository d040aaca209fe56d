"""The RPCs of `labelmill.scheduler.v1.Schedules`."""

from __future__ import annotations

from typing import Any

from labelmill.scheduler.v1 import scheduler_pb2 as pb
from labelmill.scheduler.v1.scheduler_pb2_grpc import SchedulesServicer

from libs.common.codec import to_message
from services.scheduler.service import Scheduler


class SchedulesRpc(SchedulesServicer):
    """Request -> service -> reply."""

    def __init__(self, service: Scheduler) -> None:
        self._service = service

    async def GetSchedule(self, request: Any, context: Any) -> pb.Schedule:  # noqa: N802
        return to_message(await self._service.schedule(request.name), pb.Schedule)
