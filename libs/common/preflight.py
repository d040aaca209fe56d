"""What can be seen to be wrong before anything heavy is started: settings, ports, the data folder.

Every fault is one sentence that begins with the setting's name.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from libs.common.config import Settings, grpc_address
from libs.common.files import private_folder
from libs.common.sqlite import path_of

# Setting -> the kinds of addresses it takes.
SCHEMES = {
    "store_url": ("sqlite:", "mongodb:", "mongodb+srv:"),
    "bus_url": ("sqlite:", "kafka:"),
    "blob_url": ("file:", "s3:", "gs:", "az:", "abfs:", "memory:"),
}
LISTENS = ("http_listen", "platform_listen", "grpc_listen", "metrics_listen")
# Where mongod answers if its address does not say; Kafka's always says.
_MONGO_PORT = 27017
_PROBE_SECONDS = 1.0
# Beginnings of addresses that are not gRPC's.
_NOT_GRPC = ("http:", "https:", "grpc:", "tcp:", "kafka:")
_OF_GATEWAY = ("http_listen", "platform_listen")


class Unstartable(Exception):
    """Nothing can be started like this; the message names the setting and the remedy."""


def variable(cls: type[BaseSettings], field: str) -> str:
    """Name of the environment variable of a setting."""
    alias = cls.model_fields[field].validation_alias
    return str(alias or field).upper()


def settings_of(cls: type[BaseSettings]) -> BaseSettings:
    """The settings of the environment; raises `Unstartable` for a value that is none."""
    try:
        return cls()
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        field = str(first["loc"][0])
        name = variable(cls, field) if field in cls.model_fields else field.upper()
        given = str(first.get("input"))[:100]
        raise Unstartable(f"{name}: {given!r} cannot be: {first['msg']}") from error


def check(
    settings: Settings, names: Sequence[str], known: Sequence[str], environ: Mapping[str, str]
) -> None:
    """Raises `Unstartable` at the first thing that is wrong with starting `names` of `known`."""
    _check_folder("DATA_DIR", settings.data_dir)
    for field, schemes in SCHEMES.items():
        if address := getattr(settings, field):
            _check_address(field.upper(), address, schemes)
    if settings.inference_url:
        _check_remote("INFERENCE_URL", settings.inference_url)
    for name, address in environ.items():
        if name.startswith("RPC_") and address != "local:":
            _check_remote(name, address)
    listens = {field: getattr(settings, field) for field in LISTENS}
    listens["grpc_listen"] = grpc_address(settings, names, known)
    for field, address in listens.items():
        if address and (field not in _OF_GATEWAY or "gateway" in names):
            _check_port(field.upper(), address)


def away(settings: Settings) -> list[str]:
    """Return a sentence for each address where no server takes connections now.

    The services wait for them; this says so before the seconds that loading takes.
    """
    asked = [("STORE_URL", settings.store_url), ("BUS_URL", settings.bus_url)]
    found = []
    for name, address in asked:
        if address.startswith(("kafka:", "mongodb:")):
            hosts = urlsplit(address).netloc.rsplit("@", 1)[-1].split(",")
            reasons = [_unanswered(host) for host in hosts]
            if all(reasons):
                words = f"nobody answers at {', '.join(hosts)} ({reasons[0]})"
                found.append(f"{name}: {words}; it is waited for, Ctrl-C ends that")
    return found


def _unanswered(host: str) -> str:
    """Why a server takes no connection; empty where it does."""
    name, _, port = host.rpartition(":")
    where = (name.strip("[]"), int(port)) if name else (host, _MONGO_PORT)
    try:
        with socket.create_connection(where, timeout=_PROBE_SECONDS):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def _check_address(name: str, address: str, schemes: Sequence[str]) -> None:
    scheme = next((one for one in schemes if address.startswith(f"{one}//")), "")
    if not scheme:
        known = ", ".join(f"{one}//..." for one in schemes)
        raise Unstartable(f"{name}: {address[:200]!r} is no address such as {known}")
    if scheme == "sqlite:":
        _check_database(name, address)
    elif scheme == "file:":
        _check_folder(name, Path(address.removeprefix("file://")))
    elif scheme != "memory:":
        _check_hosts(name, scheme, address)


def _check_database(name: str, address: str) -> None:
    path = path_of(address)
    if name == "STORE_URL":
        _check_folder(name, path)
    elif path.is_dir():
        raise Unstartable(f"{name}: {path} is a folder; name a file")
    else:
        _check_folder(name, path.parent)


def _check_hosts(name: str, scheme: str, address: str) -> None:
    """The addresses of servers or of a bucket, as their own clients read them."""
    try:
        hosts = urlsplit(address).netloc.rsplit("@", 1)[-1].split(",")
        if all(hosts) and scheme == "mongodb:":
            _read_as_mongo(address)
    except ValueError as error:
        raise Unstartable(f"{name}: the address cannot be read: {error}") from error
    if not all(hosts):
        raise Unstartable(f"{name}: names nothing after {scheme}//; a host or a bucket goes there")
    if scheme == "kafka:":
        for host in hosts:
            _check_remote(name, host)


def _read_as_mongo(address: str) -> None:
    """Raise `ValueError` where the driver could not read it; it asks no name server."""
    # Loaded only where it is used.
    from pymongo.errors import PyMongoError
    from pymongo.uri_parser import parse_uri

    try:
        parse_uri(address)
    except PyMongoError as error:
        raise ValueError(str(error)) from error


def _check_remote(name: str, address: str) -> None:
    """Where another process answers: HOST:PORT, or one of gRPC's own forms that end so."""
    if not address.strip():
        raise Unstartable(f"{name}: is empty; name the service's gRPC address, or unset it")
    host, _, port = address.rpartition(":")
    whole = host and not any(c.isspace() for c in host) and not host.startswith(_NOT_GRPC)
    if address.startswith("unix:") or (whole and port.isdecimal() and 0 < int(port) < 65536):
        return
    raise Unstartable(f"{name}: {address[:200]!r} is not HOST:PORT, such as 127.0.0.1:8001")


def _check_folder(name: str, folder: Path) -> None:
    try:
        private_folder(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        words = f"the folder {folder} cannot be written ({error.strerror}); name another"
        raise Unstartable(f"{name}: {words}") from error


def _check_port(name: str, address: str) -> None:
    host, found, port = address.rpartition(":")
    if not found or not port.isdecimal() or int(port) > 65535 or not host:
        raise Unstartable(f"{name}: {address[:100]!r} is not HOST:PORT, such as 127.0.0.1:8080")
    try:
        kinds = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unstartable(f"{name}: {host!r} is no address of this machine ({error})") from error
    family, kind, number, _, where = kinds[0]
    with socket.socket(family, kind, number) as sock:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(where)
        except OSError as error:
            words = f"{address} is taken or not this machine's ({error.strerror})"
            raise Unstartable(f"{name}: {words}; stop what has it, or set another") from error
