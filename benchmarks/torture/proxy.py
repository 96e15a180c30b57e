"""A TCP proxy that can be cut like a cable: between the engine and the others."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final

_CHUNK_BYTES: Final = 1 << 16
_RESET: Final = struct.pack("ii", 1, 0)
"""Of SO_LINGER: closing sends a reset."""


class Proxy:
    """Forwards connections from a port of 127.0.0.1, in a thread of its own.

    Attributes
    ----------
    target
        A port of 127.0.0.1, or the path of a unix socket; set before the first connection.
    address
        ``host:port`` where it listens; nobody else gets the port while connections are refused.
    """

    def __init__(self, target: int | str = 0) -> None:
        self.target = target
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # by its number: only then the kernel keeps a port for one that does not listen
        self._listener.bind(("127.0.0.1", port))
        self._listener.setblocking(False)
        self.address = f"127.0.0.1:{port}"
        self._loop = asyncio.new_event_loop()
        self._links: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._silent = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.heal()

    def cut(self, *, refuse: bool) -> None:
        """Reset all connections; new ones are refused, or else accepted and never answered."""
        self._do(self._cut(refuse=refuse))

    def heal(self) -> None:
        """Forward again; connections that were never answered are reset."""
        self._do(self._heal())

    def close(self) -> None:
        """Reset everything, and listen no more."""
        self.cut(refuse=True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._listener.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _cut(self, *, refuse: bool) -> None:
        self._silent = True
        if refuse:
            await _ended({self._accepting} if self._accepting else set())
            self._accepting = None
            # Linux then refuses, and keeps the port bound
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
        await _ended(self._links)

    async def _heal(self) -> None:
        await _ended(self._links)
        self._silent = False
        if self._accepting is None:
            self._listener.listen(128)
            self._accepting = self._loop.create_task(self._accept())

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            link = self._loop.create_task(self._link(client))
            self._links.add(link)
            link.add_done_callback(partial(self._unlink, client))

    def _unlink(self, client: socket.socket, link: "asyncio.Task[None]") -> None:
        """Close a client's end; here, since a task may be cancelled before it has begun."""
        self._links.discard(link)
        if link.cancelled():
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        client.close()

    async def _link(self, client: socket.socket) -> None:
        """One connection, from end to end."""
        if self._silent:
            await self._loop.create_future()
        unix = isinstance(self.target, str)
        at = self.target if unix else ("127.0.0.1", self.target)
        with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as server:
            server.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                await self._loop.sock_connect(server, at)
            except OSError:
                return
            ends = (client, server), (server, client)
            ways = {self._loop.create_task(self._forward(*pair)) for pair in ends}
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _ended(ways)

    async def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := await self._loop.sock_recv(source, _CHUNK_BYTES):
                await self._loop.sock_sendall(sink, chunk)


async def _ended(tasks: "set[asyncio.Task[None]]") -> None:
    """Cancel tasks, and wait until they have ended."""
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
