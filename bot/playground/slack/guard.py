"""Who may talk to this server: this machine's own clients, and a browser that knows the token."""

from collections.abc import Callable
from hmac import compare_digest

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

TOKEN_HEADER = "X-Playground-Token"  # noqa: S105 - the name of a header
_OPEN = ("/api/", "/link", "/response/")  # these have tokens, tickets and ids of their own
_NO_ENTRY = (
    "This page needs the token of the address that was printed when the playground started. "
    "Open that address once; afterwards this browser is known."
)
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Checks Host, Origin and the page's token.

    Args:
        token: What the printed address holds.
        port: Gives the port once the server listens.
    """

    def __init__(self, token: str, port: Callable[[], int]) -> None:
        self._token = token
        self._port = port

    def middleware(self) -> Middleware:
        """The aiohttp middleware; it covers mounted applications too."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            refused = self._refusal(request)
            if refused is not None:
                return refused
            response = await handler(request)
            if not response.prepared and not request.path.startswith(_OPEN):
                self._furnish(request, response)
            return response

        return check

    def _refusal(self, request: web.Request) -> web.Response | None:
        hosts = {f"127.0.0.1:{self._port()}", f"localhost:{self._port()}"}
        if request.host not in hosts:
            return web.Response(status=403, text="This server answers to its own address only.")
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.host}":
            return web.Response(status=403, text="Requests from other sites are refused.")
        if not request.path.startswith(_OPEN) and not self._knows(request):
            return web.Response(status=401, text=_NO_ENTRY)
        return None

    def _knows(self, request: web.Request) -> bool:
        given = (
            request.cookies.get(self._cookie, ""),
            request.headers.get(TOKEN_HEADER, ""),
            request.query.get("token", "") if request.method == "GET" else "",
        )
        return any(compare_digest(token.encode(), self._token.encode()) for token in given)

    def _furnish(self, request: web.Request, response: web.StreamResponse) -> None:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        if "token" in request.query:
            response.set_cookie(self._cookie, self._token, path="/", httponly=True, samesite="Strict")

    @property
    def _cookie(self) -> str:
        """Cookies do not know ports: the name keeps two playgrounds apart."""
        return f"playground_{self._port()}"
