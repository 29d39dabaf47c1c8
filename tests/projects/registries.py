"""What package managers fetch from, on this machine's loopback: a simple index of wheels, an npm registry."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from aiohttp import web

HALF_UP = '''"""Rounding."""


def half_up(value, by):
    return (2 * value + by) // (2 * by)
'''
SPLIT_WORDS = "export const words = (text) => text.split(/\\s+/).filter(Boolean);\n"
INSTALLED = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
"""Pure Python packages of this environment that the Python project needs besides."""


@dataclass
class Registry:
    """A running registry: its address, and the paths that were asked for."""

    url: str
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def serving(files: Mapping[str, tuple[str, bytes]]) -> AsyncIterator[Registry]:
    """Serve these files: path to content type and content. {url} in a text stands for the address."""
    registry = Registry("")

    async def answer(request: web.Request) -> web.Response:
        registry.asked.append(request.path)
        if request.path not in files:
            return web.Response(status=404)
        kind, content = files[request.path]
        if kind != "application/octet-stream":
            content = content.replace(b"{url}", registry.url.encode())
        return web.Response(body=content, content_type=kind)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        registry.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield registry
    finally:
        await runner.cleanup()


# ---------------------------------------------------------------- wheels


def index() -> dict[str, tuple[str, bytes]]:
    """A simple index with the small wheel, and with wheels made of what is installed here."""
    wheels = {"halfup": ("halfup-1.0-py3-none-any.whl", wheel("halfup", "1.0", {"halfup.py": HALF_UP}))}
    for name in INSTALLED:
        version = distribution(name).version
        wheels[name] = (f"{name}-{version}-py3-none-any.whl", repacked(name))
    files: dict[str, tuple[str, bytes]] = {}
    for name, (file, content) in wheels.items():
        digest = hashlib.sha256(content).hexdigest()
        page = f'<!DOCTYPE html><a href="/files/{file}#sha256={digest}">{file}</a>'
        files[f"/simple/{name}/"] = ("text/html", page.encode())
        files[f"/files/{file}"] = ("application/octet-stream", content)
    return files


def wheel(name: str, version: str, modules: Mapping[str, str]) -> bytes:
    """A wheel of these modules."""
    info = f"{name}-{version}.dist-info"
    files = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in files)
    return zipped({path: text.encode() for path, text in files.items()})


def repacked(name: str) -> bytes:
    """A wheel of an installed package."""
    installed = distribution(name)
    files: dict[str, bytes] = {}
    for file in installed.files or ():
        path = Path(str(installed.locate_file(file)))
        if ".." not in file.parts and file.suffix != ".pyc" and path.is_file():
            files[str(file)] = path.read_bytes()
    return zipped(files)


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


# ---------------------------------------------------------------- npm


def npm() -> dict[str, tuple[str, bytes]]:
    """An npm registry with one package, whose tarball is `/split-words/-/split-words-1.0.0.tgz`."""
    tarball = package()
    path = "/split-words/-/split-words-1.0.0.tgz"
    version = {**MANIFEST, "dist": {"tarball": "{url}" + path, "integrity": integrity(tarball)}}
    document = {
        "name": "split-words",
        "dist-tags": {"latest": "1.0.0"},
        "versions": {"1.0.0": version},
    }
    return {
        "/split-words": ("application/json", json.dumps(document).encode()),
        path: ("application/octet-stream", tarball),
    }


MANIFEST: Mapping[str, Any] = {
    "name": "split-words", "version": "1.0.0", "type": "module", "main": "index.js"
}  # fmt: skip


def package() -> bytes:
    """The package's tarball, the same bytes every time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in (("package.json", json.dumps(MANIFEST)), ("index.js", SPLIT_WORDS)):
            info = tarfile.TarInfo(f"package/{name}")
            info.size, info.mode = len(text), 0o644
            archive.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0)


def integrity(content: bytes) -> str:
    """As lock files write it."""
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


def package_lock(tarball: bytes, needs: Sequence[str] = ("split-words",)) -> str:
    """A package-lock.json that pins the package by what it holds; where it is, the registry says."""
    packages: dict[str, Any] = {
        "": {"name": "titles", "version": "1.0.0", "dependencies": dict.fromkeys(needs, "1.0.0")}
    }
    for name in needs:
        packages[f"node_modules/{name}"] = {"version": "1.0.0", "integrity": integrity(tarball)}
    return json.dumps(
        {"name": "titles", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": packages},
        indent=2,
    )
