"""Answer the three questions a machine asks: are you alive, are you ready, what have you counted.

GET /healthz is 200 as long as all loops turn; /readyz is 200, with what people should know, or 503 with the reason in plain
words; /metrics is the Prometheus text format. One request a connection, at most 8 KiB and 10 seconds, at most 50 connections.
It will not keep connections, read bodies, speak TLS or change anything.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from prometheus_client import CollectorRegistry, generate_latest

from mailgate.wire.smtp_in import host_port, name

REQUEST_LIMIT = 8192
SECONDS = 10.0
CONNECTIONS = 50
PLAIN = "text/plain; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"

Unready = Callable[[], str]
Remark = Callable[[], Awaitable[str]]


class Board:
    """The small HTTP server. `hanging` names a loop that hangs, `unready` says why we are not ready; empty means that all is
    well, and `remark` says what else to know."""

    def __init__(self, hanging: Unready, unready: Unready, remark: Remark, registry: CollectorRegistry) -> None:
        self._hanging, self._unready, self._remark = hanging, unready, remark
        self._registry = registry
        self._server: asyncio.Server | None = None
        self._open = 0

    async def open(self, listen: str) -> str:
        """The address bound; raises ValueError or OSError."""
        host, port = host_port(listen)
        self._server = await asyncio.start_server(self._serve, host, port, limit=REQUEST_LIMIT, backlog=64)
        return name(self._server.sockets[0])

    async def close(self) -> None:
        """Stop listening; requests in hand end within their ten seconds."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= CONNECTIONS:
                async with asyncio.timeout(SECONDS):
                    writer.write(await self._answer(reader))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"too large\n")
        words = request.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response(HTTPStatus.BAD_REQUEST, b"this is HTTP/1.1\n")
        if words[0] not in (b"GET", b"HEAD"):
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, b"GET or HEAD\n")
        try:
            response = await self._page(words[1].partition(b"?")[0])
        except Exception:
            response = _response(HTTPStatus.INTERNAL_SERVER_ERROR, b"a fault of ours\n")
        return response.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if words[0] == b"HEAD" else response

    async def _page(self, path: bytes) -> bytes:
        if path == b"/healthz":
            if loop := self._hanging():
                return _response(HTTPStatus.SERVICE_UNAVAILABLE, f"{loop} hangs\n".encode())
            return _response(HTTPStatus.OK, b"ok\n")
        if path == b"/readyz":
            reason = self._unready()
            if reason:
                return _response(HTTPStatus.SERVICE_UNAVAILABLE, f"{reason}\n".encode())
            return _response(HTTPStatus.OK, "; ".join(filter(None, ("ready", await self._remark()))).encode() + b"\n")
        if path == b"/metrics":
            return _response(HTTPStatus.OK, generate_latest(self._registry), METRICS)
        return _response(HTTPStatus.NOT_FOUND, b"/healthz /readyz /metrics\n")


def _response(status: HTTPStatus, body: bytes, content_type: str = PLAIN) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
