"""The browser application: the built files, held in memory, compressed once.

Every path that is no file and no API is a page of the application, so it answers with `index.html`. Without built
files the pages say how to build them; the API works all the same.
"""

import gzip
import hashlib
import mimetypes
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException

from watchbell.api.needs import Needed

ROOT = Path(__file__).parent / "static"
NOT_BUILT = b"<!doctype html><title>Watchbell</title><p>The pages are not built. Run <code>make setup</code>.</p>"
FOREVER = "public, max-age=31536000, immutable"
NEVER = "no-cache"


class File(msgspec.Struct, frozen=True):
    """One built file with its compressed form (empty when that is no smaller)."""

    body: bytes
    compressed: bytes
    media_type: str
    etag: str
    cache: str


def load_files(root: Path = ROOT) -> dict[str, File]:
    """Every built file by its path from the root, as `/assets/x.js`."""
    found = {f"/{path.relative_to(root)}": _file(path) for path in root.rglob("*") if path.is_file()}
    if "/index.html" not in found:
        found["/index.html"] = File(NOT_BUILT, b"", "text/html", '"not-built"', NEVER)
    return found


def _file(path: Path) -> File:
    body = path.read_bytes()
    compressed = gzip.compress(body, 9, mtime=0)
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if media_type == "application/javascript":  # to `text/…` the framework adds it
        media_type += "; charset=utf-8"
    # The build puts a hash of the content into the names below assets/, so those never change.
    cache = FOREVER if path.parent.name == "assets" else NEVER
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    return File(body, compressed if len(compressed) < len(body) else b"", media_type, etag, cache)


def answer(file: File, request: Request[Any, Any, Any]) -> Response[bytes]:
    """The file, as the request's headers allow: not modified, compressed, or plain."""
    headers = {"ETag": file.etag, "Cache-Control": file.cache, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(b"", status_code=304, headers=headers, media_type=file.media_type)
    if file.compressed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.compressed, headers=headers | {"Content-Encoding": "gzip"}, media_type=file.media_type)
    return Response(file.body, headers=headers, media_type=file.media_type)


@get(["/", "/{path:path}"], include_in_schema=False, opt={"open": True})
async def page(request: Request[Any, Any, Any], files: Needed[dict[str, File]]) -> Response[bytes]:
    """A file of the application, or the application itself."""
    path = request.url.path
    if path in files:
        return answer(files[path], request)
    if path.startswith(("/api/", "/assets/")):
        raise NotFoundException("The requested URL was not found on the server.")
    return answer(files["/index.html"], request)


routes = [page]
