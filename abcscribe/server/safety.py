"""Who may ask: the page that this server served, and nobody else who can make a browser send something.

- The ``Host`` header must name this server: a page whose domain was rebound to 127.0.0.1 names its own domain.
- What changes something must come from the page's own origin and carry a header that a form or a plain cross-origin
  request cannot send; reading is refused to other sites, too, those on other ports of this machine included.
- Beyond localhost a token is asked for, which the printed address holds.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = ("localhost", "127.0.0.1", "[::1]")
EVERYWHERE = ("0.0.0.0", "::")
HEADER, HEADER_VALUE = "x-abcscribe", "1"
COOKIE = "abcscribe_token"
READING = frozenset({"GET", "HEAD"})
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
ANSWER_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self'; "
        "style-src-attr 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Safety:
    """ASGI middleware before everything else."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], port: int, token: str | None) -> None:
        """
        Args:
            hosts: where the server can be reached beside localhost; an address of EVERYWHERE is any address.
            token: what has to be shown, None if nothing has to.
        """
        self.app = app
        self.port = port
        self.token = token
        self.hosts = {*LOCAL, *(f"[{host}]" if ":" in host else host for host in hosts)}
        self.any_address = any(host in EVERYWHERE for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # no web sockets here

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ANSWER_HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._refusal(scope) or self._entry(scope)
        await (answer or self.app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, method = Headers(scope=scope), scope["method"]
        if len(headers.getlist("host")) != 1 or not self._own(headers["host"]):
            return _refused("This address does not belong to abcscribe.", 421)
        if method not in READING | CHANGING:
            return _refused("That cannot be done here.", 405)
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        foreign = site not in (None, "same-origin", "none")
        if origin is not None and method in CHANGING:
            foreign = foreign or origin != f"http://{headers['host']}"
        top = (
            site is not None and scope["path"] == "/" and method in READING
        )  # a link to the page is no request by script
        if foreign and not top:
            return _refused("Only the page itself may ask for this.", 403)
        if method in CHANGING and headers.get(HEADER) != HEADER_VALUE:
            return _refused("Only the page itself may change something.", 403)
        return None

    def _own(self, host: str) -> bool:
        """Whether a Host header means this server."""
        name, port = _split(host)
        if port != self.port:
            return False
        return name in self.hosts or (self.any_address and _is_address(name))

    def _entry(self, scope: Scope) -> Response | None:
        """What to answer to somebody without the token."""
        if self.token is None or self._matches(_cookie(Headers(scope=scope).get("cookie", ""))):
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and scope["method"] in READING and self._matches(given):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, self.token, httponly=True, samesite="strict", path="/")
            return answer
        return _refused("Open the address that abcscribe printed when it started; it holds the key to this page.", 401)

    def _matches(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), (self.token or "").encode())


def _refused(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status)


def _split(host: str) -> tuple[str, int | None]:
    """Name and port of a Host header; the port is None if there is no telling."""
    try:
        parts = urlsplit(f"//{host.lower()}")
        port = parts.port if parts.port is not None else 80
    except ValueError:
        return "", None
    name = parts.hostname or ""
    return (f"[{name}]" if ":" in name else name), port if host.lower() == parts.netloc and "@" not in host else None


def _is_address(name: str) -> bool:
    """Whether a name is an IP address, which cannot be rebound."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _cookie(header: str) -> str:
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie.load(header)
    except CookieError:
        return ""
    return cookie[COOKIE].value if COOKIE in cookie else ""
