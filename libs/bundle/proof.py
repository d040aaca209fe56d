"""Does a certificate bear itself out? What it says is calculated again from what it rests on.

Old certificates hold less: what is not there is not checked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from libs.common.ledger import UNKNOWN

Doc = dict[str, Any]
_NEAR = 1e-6
# A number of draws with less probability than this was not drawn as it says.
_INCREDIBLE = 1e-6


def faults(proof: Doc) -> Iterator[str]:
    """Every contradiction in the content of certificate.json, in words."""
    yield from _promise(proof)
    if "machine_count" in proof["measured"]:
        yield from _whole(proof)
        yield from _gates(proof)
        yield from _lots(proof)
        yield from _audit(proof)
    if "parts" in proof["measured"]:
        yield from _parts(proof)
    if "ledger" in proof:
        yield from _ledger(proof)


def upper_bound(errors: int, size: int, alpha: float) -> float:
    """Exact binomial (Clopper-Pearson) upper bound at risk alpha; 1 without a sample."""
    if errors >= size:
        return 1.0
    low, high = errors / size, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(errors, size, middle) > alpha else (low, middle)
    return low


def _at_most(errors: int, size: int, rate: float) -> float:
    """P(Binomial(size, rate) <= errors)."""
    if not 0 < rate < 1:
        return float(rate <= 0)
    terms = (
        math.lgamma(size + 1)
        - math.lgamma(k + 1)
        - math.lgamma(size - k + 1)
        + k * math.log(rate)
        + (size - k) * math.log1p(-rate)
        for k in range(errors + 1)
    )
    return math.fsum(math.exp(term) for term in terms)


def _promise(proof: Doc) -> Iterator[str]:
    bound, target = proof["measured"]["error_bound"], proof["target"]
    if not proof["certified"]:
        return
    if not bound <= target["max_error_rate"]:
        yield "claims to be certified with a bound above the target"
    if proof["measured"].get("confidence", target["confidence"]) < target["confidence"] - 1e-9:
        yield "claims to be certified with less confidence than was promised"


def _whole(proof: Doc) -> Iterator[str]:
    """The bound may not be below what its parts add up to."""
    measured, labels = proof["measured"], proof["label_count"]
    machine, people = measured["machine_count"], measured["human_count"]
    if measured["covered_labels"] != machine + people:
        yield "the covered labels are not those of machine and people"
    covered = min(labels, machine + people)
    if not covered:
        least = 1.0
    else:
        errors = _of_parts(measured) if "parts" in measured else _errors(measured)
        unseen = (labels - covered) / labels
        least = min(1.0, errors / (machine + people)) * (1 - unseen) + unseen
    if measured["error_bound"] < least - _NEAR:
        yield f"the bound {measured['error_bound']:.6f} is below its parts' {least:.6f}"


def _errors(measured: Doc) -> float:
    """What the bounds of machine and people allow."""
    unverified = measured["human_count"] - measured["verified_count"]
    machine = measured["machine_count"] * measured["machine_error_bound"]
    return float(machine + unverified * measured["audit"]["error_bound"])


def _of_parts(measured: Doc) -> float:
    """What the bounds of the parts' projects allow, and what none of them speaks of."""
    counts = [part["machine_count"] + part["human_count"] for part in measured["parts"]]
    errors = sum(n * p["error_bound"] for n, p in zip(counts, measured["parts"], strict=True))
    return errors + max(0, measured["subtask_count"] - sum(counts)) + measured["apart_count"]


def _parts(proof: Doc) -> Iterator[str]:
    """Each part bears out its own bound, and their risks add up to no more than is said."""
    measured = proof["measured"]
    risk = 1 - measured["confidence"]
    for part in measured["parts"]:
        count = part["machine_count"] + part["human_count"]
        least = min(1.0, _errors(part) / count) if count else 1.0
        if part["error_bound"] < least - _NEAR:
            yield f"{part['project']}: the bound is below {least:.6f}, which its labels allow"
        yield from (f"{part['project']}: {fault}" for fault in _audit({"measured": part}))
        risk -= 1 - part["confidence"]
    if risk < -_NEAR:
        yield "claims more confidence than its parts' projects leave"


def _gates(proof: Doc) -> Iterator[str]:
    for gate in proof["measured"]["gates"]:
        if gate["state"] != "OPEN" or gate["lot"]:
            continue
        risk = 1 - gate["confidence"]
        least = upper_bound(gate["sample_errors"], gate["sample_size"], risk)
        if gate["error_bound"] < least - _NEAR:
            yield f"{gate['name']}: the bound is below {least:.6f}, which its sample allows"


def _lots(proof: Doc) -> Iterator[str]:
    """The machine's bound may not be below what the draws of its lots leave undetected."""
    measured, least = proof["measured"], 0
    for gate in measured["gates"]:
        if gate["state"] != "OPEN" or "audit_rate" not in gate:
            continue
        rate, drawn = gate["audit_rate"], gate.get("evidence_count", 0)
        size = gate.get("cluster_count") or gate["lot_size"]
        if _at_most(drawn, size, rate) < _INCREDIBLE:
            yield f"{gate['name']}: {drawn} draws are far fewer than coins of {rate:.4f} give"
        risk = 1 - gate["confidence"]
        least += undetected(rate, gate["sample_errors"], risk, size)
    machine = measured["machine_count"]
    if machine * measured["machine_error_bound"] < min(machine, least) * (1 - _NEAR):
        yield f"the machine's bound allows fewer than the {least} errors its draws cannot refute"


def undetected(rate: float, detected: int, alpha: float, most: int) -> int:
    """Largest number of undetected errors, up to `most`, that coins of `rate` with `detected`
    hits do not refute at risk alpha."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        fits = _at_most(detected, middle + detected, rate) > alpha
        low, high = (middle, high) if fits else (low, middle)
    return low


def _audit(proof: Doc) -> Iterator[str]:
    """A bound of 0 without an audit is that of experts, whose word is the truth."""
    audit, confidence = proof["measured"]["audit"], proof["measured"]["confidence"]
    if not audit["sample_size"]:
        return
    least = upper_bound(audit["errors"], audit["sample_size"], (1 - confidence) / 2)
    if 0 < audit["error_bound"] < least - _NEAR:
        yield f"the bound on people's labels is below {least:.6f}, which its audit allows"


def _ledger(proof: Doc) -> Iterator[str]:
    ledger, people = proof["ledger"], proof["ledger"]["people"]
    labels = proof["label_count"]
    if ledger["label_count"] != labels or ledger["items"] != proof["sources"]:
        yield "the ledger's items are not the delivery's"
    if sum(ledger["routes"].values()) != labels:
        yield "the ledger's routes do not add up to the labels"
    stages = [s["seconds"] for s in people["stages"] if s["seconds"] != UNKNOWN]
    if not _same(sum(stages) + people["unsorted_seconds"], people["seconds"]):
        yield "the ledger's stages do not add up to its seconds"
    if not _same(people["seconds"], proof["cost"]["work_seconds"]):
        yield "the ledger's seconds are not those of the cost"
    if sum(s["answers"] for s in people["stages"]) != people["answers"]:
        yield "the ledger's stages do not add up to its answers"
    spent = people["charged_seconds"]
    if spent != UNKNOWN and not _same(ledger["per_label"]["people_seconds"] * labels, spent):
        yield "the ledger's seconds per label are not its seconds over the labels"
    for name, saved in ledger["saved"].items():
        if saved["share"] != UNKNOWN and not _is_saving(saved, spent, labels):
            yield f"the ledger's saving {name} does not follow from its seconds"


def _is_saving(saved: Doc, spent: float, labels: int) -> bool:
    share, interval = saved["share"], saved["interval"]
    if interval != UNKNOWN and not interval[0] - _NEAR <= share <= interval[1] + _NEAR:
        return False
    return _same(share, 1 - spent / (labels * saved["seconds_each"]))


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
