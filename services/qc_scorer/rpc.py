"""The RPCs of `labelmill.qc_scorer.v1.Quality`."""

from __future__ import annotations

from typing import Any

from labelmill.qc_scorer.v1 import qc_scorer_pb2 as pb
from labelmill.qc_scorer.v1.qc_scorer_pb2_grpc import QualityServicer

from libs.common.access import act_as, caller, leads, own_request
from libs.common.codec import doc_to_message, message_to_doc
from libs.common.paging import following, page
from services.qc_scorer.service import QcScorer


class QualityRpc(QualityServicer):
    """Request -> service -> reply."""

    def __init__(self, service: QcScorer) -> None:
        self._service = service

    async def ListGates(self, request: Any, context: Any) -> pb.ListGatesResponse:  # noqa: N802
        docs = await self._service.gates(request.parent)
        return pb.ListGatesResponse(gates=[doc_to_message(doc, pb.Gate) for doc in docs])

    async def ListSkills(self, request: Any, context: Any) -> pb.ListSkillsResponse:  # noqa: N802
        size, after = page(request, "skills")
        docs = await self._service.skills(request.parent, size, after)
        return pb.ListSkillsResponse(
            skills=[doc_to_message(doc, pb.Skill) for doc in docs],
            next_page_token=following(docs, size),
        )

    async def GetSkill(self, request: Any, context: Any) -> pb.Skill:  # noqa: N802
        who = caller()
        if leads(who):
            return doc_to_message(await self._service.skill(request.name), pb.Skill)
        act_as(request.name.rsplit("/", 1)[-1], who)
        return doc_to_message(await self._service.own_skill(request.name), pb.Skill)

    async def ResumeAnnotator(self, request: Any, context: Any) -> pb.Skill:  # noqa: N802
        doc = await self._service.resume(request.name, request.reason, caller().subject)
        return doc_to_message(doc, pb.Skill)

    async def ListSuspectGold(self, request: Any, context: Any) -> Any:  # noqa: N802
        size, after = page(request, "suspects")
        docs = await self._service.suspect_gold(request.parent, size, after)
        return pb.ListSuspectGoldResponse(
            golds=[doc_to_message(doc, pb.SuspectGold) for doc in docs],
            next_page_token=following(docs, size),
        )

    async def ListRisks(self, request: Any, context: Any) -> pb.ListRisksResponse:  # noqa: N802
        size = request.page_size or 50
        docs, after = await self._service.risks(request.parent, size, request.page_token)
        risks = [doc_to_message(doc, pb.Risk) for doc in docs]
        return pb.ListRisksResponse(risks=risks, next_page_token=after)

    async def PlanAcceptance(self, request: Any, context: Any) -> pb.AcceptancePlan:  # noqa: N802
        doc = await self._service.plan_acceptance(message_to_doc(request))
        return doc_to_message(doc, pb.AcceptancePlan)

    async def RequestReviews(self, request: Any, context: Any) -> pb.ReviewRequest:  # noqa: N802
        doc = await self._service.request_reviews(
            request.name,
            pb.ReviewChoice.Name(request.choice).removeprefix("REVIEW_CHOICE_"),
            request.count,
            request.uniform_share,
            request.reason,
            own_request(request.request_id),
        )
        return doc_to_message(doc, pb.ReviewRequest)

    async def GetForecast(self, request: Any, context: Any) -> pb.Forecast:  # noqa: N802
        return doc_to_message(await self._service.forecast(request.name), pb.Forecast)

    async def GetQuality(self, request: Any, context: Any) -> pb.QualityReport:  # noqa: N802
        return doc_to_message(await self._service.quality(request.name), pb.QualityReport)
