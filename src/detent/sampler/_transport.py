"""HTTP to one server: never led elsewhere, never more than an answer's bytes, nothing unpacked.

The address, the headers and the meaning of statuses are the openai client's; what may come back is decided here.
"""

from collections.abc import AsyncIterator

import httpx2 as httpx

from detent.values.serving import Connection

LARGEST = 8 << 20
"""Bytes of an answer's body. The likeliest tokens of one position and a megabyte of text are well below."""


class TooLargeError(httpx.TransportError):
    """A body that is larger than any answer, or packed so that nobody knows how large."""


class Bounded(httpx.AsyncBaseTransport):
    """A transport whose answers end."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As the transport inside, with the body counted as it comes."""
        response = await self._inner.handle_async_request(request)
        packed = response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}
        if packed:
            await response.aclose()
            raise TooLargeError("an answer that is not packed expected, got a packed one")
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  what an asynchronous transport gives
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Counted(response.stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _Counted(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        heard = 0
        async for part in self._inner:
            heard += len(part)
            if heard > LARGEST:
                raise TooLargeError(f"an answer of at most {LARGEST} bytes expected, got more")
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


def http_client(connection: Connection) -> httpx.AsyncClient:
    """A client for that server alone: no redirect is followed, and no proxy of the environment asked."""
    limits = httpx.Limits(max_connections=connection.concurrency, keepalive_expiry=30.0)
    return httpx.AsyncClient(
        transport=Bounded(httpx.AsyncHTTPTransport(limits=limits)),
        timeout=httpx.Timeout(connection.seconds, connect=connection.connect_seconds),
        headers={"accept-encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
    )
