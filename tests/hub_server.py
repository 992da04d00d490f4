"""A hub on this machine that understands what `huggingface_hub` says: repositories with commits, tokens, large files by
Git LFS on another host name, and cards whose metadata is checked."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

# Who may write to which namespace. Every token may read what is public, and what is private in its namespace.
TOKENS = {"hf_writer": "someone", "hf_stranger": "nobody"}
# Out of the identifiers that the hub's documentation lists.
LICENCES = {
    "apache-2.0", "mit", "isc", "bsd-2-clause", "bsd-3-clause", "zlib", "unlicense", "mpl-2.0", "agpl-3.0", "gpl-2.0",
    "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "pddl", "odbl", "odc-by", "other",
}  # fmt: skip


@dataclass
class Repository:
    """Files by name for each commit, the latest last; branches and tags by name."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], revision: str = "main") -> str:
        whole = {**self.commits.get(self.revisions.get(revision, ""), {}), **files}
        content = repr((len(self.commits), sorted(whole.items()))).encode()
        sha = hashlib.sha1(content).hexdigest()
        self.commits[sha] = whole
        self.revisions[revision] = sha
        return sha

    def find(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.revisions.get(revision)


class Hub(ThreadingHTTPServer):
    """`said` has a line for each request, `posted` the body of each commit."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.said: list[str] = []
        self.posted: list[list[dict]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def publish(self, name: str, folder: Path, **changed: bytes) -> Repository:
        """A repository with the files of a folder, as if pushed by somebody; `changed` by names without endings."""
        repository = self.repositories.setdefault(name, Repository())
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        repository.commit({name: changed.get(path.stem, path.read_bytes()) for name, path in files.items()})
        return repository


def metadata_errors(card: str) -> list[str]:
    """What a hub holds against the front matter of a card."""
    found = re.match(r"---\n(.*?)\n---\n", card, re.S)
    if not found:
        return ["metadata is missing"]
    metadata = yaml.safe_load(found[1])
    wrong = []
    if metadata.get("license") not in LICENCES:
        wrong.append(f'"license" must be one of those that are listed, not {metadata.get("license")}')
    if metadata.get("license") == "other" and not re.fullmatch(r"[a-z0-9.-]+", metadata.get("license_name", "")):
        wrong.append('"license_name" must be lower case')
    if not all(isinstance(tag, str) for tag in metadata.get("tags", [])):
        wrong.append('"tags" must be strings')
    return wrong


class Refused(Exception):
    """Status, error code and message."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *arguments: object) -> None:
        pass

    def handle_any(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.said.append(f"{self.command} {path}")
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if "chunked" in self.headers.get("transfer-encoding", ""):
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        try:
            for method, pattern, answer in ROUTES:
                found = re.fullmatch(pattern, path)
                if found and self.command in method:
                    return answer(self, body, *found.groups())
            raise Refused(404, "NoRoute", f"{self.command} {path}")
        except Refused as error:
            status, code, message = error.args
            headers = {"x-error-message": message, **({"x-error-code": code} if code else {})}
            # Of a repository that is there already, a hub gives the address too.
            known = {"url": f"{self.server.address}/{message.split()[-1]}"} if status == 409 else {}
            self.answer(json.dumps({"error": message, **known}).encode(), status, **headers)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def answer(self, data: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def answer_json(self, **values: object) -> None:
        self.answer(json.dumps(values).encode(), content_type="application/json")

    def user(self) -> str | None:
        """Who asks, None without a token."""
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        if token and token not in TOKENS:
            raise Refused(401, "", "Invalid credentials in Authorization header")
        return TOKENS.get(token)

    def repository(self, name: str) -> Repository:
        user, repository = self.user(), self.server.repositories.get(name)
        if repository is None or (repository.private and user != name.partition("/")[0]):
            # To strangers, a hub does not say which.
            raise Refused(404 if user else 401, "RepoNotFound", "Repository not found")
        if repository.gated:
            raise Refused(403, "GatedRepo", "Access to it is restricted")
        return repository

    def at(self, name: str, revision: str) -> tuple[str, dict[str, bytes]]:
        repository = self.repository(name)
        sha = repository.find(revision)
        if sha is None:
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return sha, repository.commits[sha]

    def writable(self, name: str) -> None:
        if self.user() is None:
            raise Refused(401, "", "Invalid username or password.")
        if self.user() != name.partition("/")[0]:
            raise Refused(403, "", f"You don't have the rights to create a model under {name.partition('/')[0]}")

    def info(self, body: bytes, name: str, revision: str | None) -> None:
        sha, files = self.at(name, revision or "main")
        siblings = [{"rfilename": file} for file in files]
        self.answer_json(id=name, sha=sha, private=self.repository(name).private, siblings=siblings)

    def resolve(self, body: bytes, name: str, revision: str, file: str) -> None:
        sha, files = self.at(name, revision)
        if file not in files:
            raise Refused(404, "EntryNotFound", f"{file} does not exist")
        data = files[file]
        if not file.endswith(".onnx"):
            etag = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            return self.answer(data, x_repo_commit=sha, etag=f'"{etag}"')
        oid = hashlib.sha256(data).hexdigest()
        self.server.objects[oid] = data
        large = {"x-linked-etag": f'"{oid}"', "x-linked-size": str(len(data))}
        where = f"http://localhost:{self.server.server_port}/objects/{oid}"
        return self.answer(b"", 302, x_repo_commit=sha, location=where, **large)

    def large(self, body: bytes, oid: str) -> None:
        assert "authorization" not in self.headers, "a token must not leave the hub"
        if self.command == "PUT":
            assert hashlib.sha256(body).hexdigest() == oid
            self.server.objects[oid] = body
            return self.answer(b"")
        return self.answer(self.server.objects[oid], etag=f'"{oid}"')

    def create(self, body: bytes) -> None:
        wanted = json.loads(body)
        name = f"{wanted['organization']}/{wanted['name']}"
        self.writable(name)
        if name in self.server.repositories:
            raise Refused(409, "", f"You already created {name}")
        repository = Repository(bool(wanted.get("private")) or wanted.get("visibility") == "private")
        repository.commit({".gitattributes": b"*.onnx filter=lfs diff=lfs merge=lfs -text\n"})
        self.server.repositories[name] = repository
        self.answer_json(url=f"{self.server.address}/{name}")

    def validate(self, body: bytes) -> None:
        errors = [{"message": line} for line in metadata_errors(json.loads(body)["content"])]
        answer = json.dumps({"errors": errors, "warnings": []}).encode()
        self.answer(answer, 400 if errors else 200, content_type="application/json")

    def preupload(self, body: bytes, name: str, revision: str) -> None:
        self.writable(name)
        names = [file["path"] for file in json.loads(body)["files"]]
        modes = {file: "lfs" if file.endswith(".onnx") else "regular" for file in names}
        self.answer_json(files=[{"path": f, "uploadMode": mode, "shouldIgnore": False} for f, mode in modes.items()])

    def batch(self, body: bytes, name: str) -> None:
        self.writable(name)
        objects: list[dict] = json.loads(body)["objects"]
        for large in objects:
            if large["oid"] not in self.server.objects:
                where = f"http://localhost:{self.server.server_port}/objects/{large['oid']}"
                large["actions"] = {"upload": {"href": where}}
        self.answer_json(transfer="basic", objects=objects)

    def commit(self, body: bytes, name: str, revision: str) -> None:
        self.writable(name)
        lines = [json.loads(line) for line in body.splitlines()]
        files = {}
        for line in lines[1:]:
            value = line["value"]
            large = line["key"] == "lfsFile"
            files[value["path"]] = self.server.objects[value["oid"]] if large else base64.b64decode(value["content"])
        self.server.posted.append(lines)
        sha = self.repository(name).commit(files, revision)
        self.answer_json(commitUrl=f"{self.server.address}/{name}/commit/{sha}", commitOid=sha, success=True)


REPOSITORY = "([^/]+/[^/]+)"
ROUTES = [
    ("GET", f"/api/models/{REPOSITORY}(?:/revision/(.+))?", Handler.info),
    ("GET HEAD", f"/{REPOSITORY}/resolve/(.+?)/((?:text/)?[^/]+)", Handler.resolve),
    ("GET PUT", "/objects/([0-9a-f]{64})", Handler.large),
    ("POST", "/api/repos/create", Handler.create),
    ("POST", "/api/validate-yaml", Handler.validate),
    ("POST", f"/api/models/{REPOSITORY}/preupload/(.+)", Handler.preupload),
    ("POST", f"/{REPOSITORY}.git/info/lfs/objects/batch", Handler.batch),
    ("POST", f"/api/models/{REPOSITORY}/commit/(.+)", Handler.commit),
]


@contextmanager
def running_hub() -> Iterator[Hub]:
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
