"""Names to addresses, for everything that goes out. Only addresses that the egress policy permits come back.

A name whose addresses are all refused raises `EgressDenied`; a name that does not resolve raises `OSError`, as the
system words it.
"""

import asyncio
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from watchbell.toolkit.egress import EgressPolicy


class Resolver(AbstractResolver):
    """The system's resolver (hosts file and name servers) behind the egress policy; safe for many tasks."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        permitted: list[ResolveResult] = []
        for found_family, _, protocol, _, address in infos:
            numeric = str(address[0])
            if not self._policy.refusal(numeric):
                permitted.append(
                    ResolveResult(
                        hostname=host,
                        host=numeric,
                        port=port,
                        family=found_family,
                        proto=protocol,
                        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                    )
                )
        if infos and not permitted:
            self._policy.require(str(infos[0][4][0]))
        return permitted

    async def addresses(self, host: str) -> list[str]:
        """Permitted numeric addresses of a name, in the system's order of preference."""
        return [result["host"] for result in await self.resolve(host)]

    async def close(self) -> None:
        """Nothing is held."""
