"""The one error vocabulary: raised by services, mapped to gRPC codes by two
interceptors (`libs.common.rpc`) and to problem documents at the gateway only."""

from __future__ import annotations


class Fault(Exception):
    """Base of the vocabulary. `field` names the request field at fault, as `items[3].data`."""

    code = "INTERNAL"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFound(Fault):
    """There is nothing of that name here (another tenant's names answer like this, too)."""

    code = "NOT_FOUND"


class Invalid(Fault):
    """The request can never succeed as it is."""

    code = "INVALID_ARGUMENT"


class OutOfTurn(Fault):
    """Right request, wrong moment: the resource's state forbids it, or an event came too early."""

    code = "FAILED_PRECONDITION"


class Conflict(Fault):
    """Somebody else changed or made it first."""

    code = "ABORTED"


class AlreadyExists(Conflict):
    """The name is taken."""

    code = "ALREADY_EXISTS"


class Denied(Fault):
    """The caller may not do this."""

    code = "PERMISSION_DENIED"


class Unauthenticated(Denied):
    """The caller did not say who they are, or it could not be believed."""

    code = "UNAUTHENTICATED"


class Exhausted(Fault):
    """A cap or quota is used up."""

    code = "RESOURCE_EXHAUSTED"


class Unavailable(Fault):
    """A part this needs is away or overloaded; the same request may succeed later."""

    code = "UNAVAILABLE"


FAULTS: dict[str, type[Fault]] = {
    fault.code: fault
    for fault in (
        NotFound,
        Invalid,
        OutOfTurn,
        Conflict,
        AlreadyExists,
        Denied,
        Unauthenticated,
        Exhausted,
        Unavailable,
    )
}
