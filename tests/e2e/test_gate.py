#!/usr/bin/python3
"""Lists that break: each way of it is held, refused or exempted, and the old lists stay in force; then versions,
roll-backs, pins, signatures, previews, and kills at random moments.

TEST_SEED repeats a run of random kills, TEST_KILLS says how many there are."""

import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import (BUILD, SLOW, WAIT_SECONDS, WRAPPER, FakeUpstream, Quelld, Skip, assert_blocked, assert_rcode,
                     equal, main, test)

UPDATE = WRAPPER + [os.path.join(BUILD, "quell-update")]
KILLS = int(os.environ.get("TEST_KILLS", "20" if WRAPPER else "200"))


# --- a web server whose pages are bytes, or functions ---

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = self.server.pages.get(self.path)
        if page is None or isinstance(page, int):
            self.send_error(page or 404)
        elif callable(page):
            try:
                page(self)
            except OSError:
                pass
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

    def log_message(self, *args):
        pass


class Web(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.server_address[1], path)

    def handle_error(self, *args):
        pass


web = Web()


def names(count, prefix="n", first=0):
    return "".join("%s%d.example\n" % (prefix, i) for i in range(first, first + count)).encode()


# --- one state folder, one configuration ---

class Place:
    def __init__(self, **lists):
        self.dir = tempfile.mkdtemp(prefix="quell-gate-")
        os.chmod(self.dir, 0o755)
        self.state = os.path.join(self.dir, "state")
        self.conf = os.path.join(self.dir, "quell.conf")
        self.rules = os.path.join(self.dir, "rules")
        self.configure(**lists)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        shutil.rmtree(self.dir, ignore_errors=True)

    def text(self, more="", **lists):
        """name=page, or name=(page, "more options")"""
        text = 'state_dir = "%s"\ncontrol = "%s/control"\nrules = "%s"\n%s\n' % (
            self.state, self.dir, self.rules, more)
        for name, source in lists.items():
            page, options = source if isinstance(source, tuple) else (source, "")
            text += 'list "%s" {\n url = "%s"\n %s\n}\n' % (name, web.url(page), options)
        return text

    def configure(self, more="", **lists):
        with open(self.conf, "w") as f:
            f.write(self.text(more, **lists))

    def start(self, *args, command="run"):
        # No second tries, and no long silence: what fails here fails each time.
        more = [] if command in ("rollback", "report") else ["--timeout", "5s", "--tries", "1"]
        return subprocess.Popen(UPDATE + [command, "-c", self.conf] + more + list(args),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *args, code=0, command="run"):
        p = self.start(*args, command=command)
        out, err = p.communicate(timeout=WAIT_SECONDS)
        out, self.err = out.decode(), err.decode()
        assert p.returncode == code, "exit %d, not %d:\n%s%s" % (p.returncode, code, out, self.err)
        return out

    def json(self, *args, **kwargs):
        return json.loads(self.run(*args, "--json", **kwargs))

    def path(self, name):
        return os.path.join(self.state, name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def has(self, name):
        return os.path.exists(self.path(name))

    def dump(self):
        return tool("dump", self.path("image")).splitlines()

    def files(self):
        """What is in force, to the byte and the inode."""
        return {name: (os.stat(self.path(name)).st_ino, self.read(name))
                for name in ("image", "lists/a.txt", "lists/b.txt") if self.has(name)}


def tool(*args, code=0):
    p = subprocess.run(UPDATE + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT_SECONDS)
    equal(p.returncode, code, "%s: %s" % (args, p.stderr.decode()))
    return p.stdout.decode()


def has(text, *parts):
    for part in parts:
        assert part in text, "there is no %r in\n%s" % (part, text)


def line_of(out, name):
    return next(line for line in out.splitlines() if line.startswith(name + ":"))


# --- each way to break a list ---

def half_page(h):
    h.send_response(200)
    h.send_header("Content-Length", str(2 * len(names(1000))))
    h.end_headers()
    h.wfile.write(names(1000))


def endless_page(h):
    h.send_response(200)
    h.end_headers()
    while True:
        h.wfile.write(names(1000))


def archive(mode):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        info = tarfile.TarInfo("list.txt")
        info.size = len(names(100))
        tar.addfile(info, io.BytesIO(names(100)))
    return out.getvalue()


def zip_archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("list.txt", names(100))
    return out.getvalue()


OLD = names(2000)
WEB_PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head>\n<body>www.example.net</body></html>\n"

ACCEPT = "; to take it all the same: quell-update --accept a"
NO_LIST = "; there is nothing to accept: look at option url of list a"
GONE = "; where it is gone for good: quell-update remove a"

# name: (page, what the report says, what it says can be done, options)
BREAKS = {
    "empty": (b"", "it is empty", NO_LIST, ""),
    "a web page": (WEB_PAGE, "web page", NO_LIST, ""),
    "a gzip file": (gzip.compress(OLD), "gzip file", NO_LIST, ""),
    "a zip archive": (zip_archive(), "archive", NO_LIST, ""),
    "a tar archive": (archive("w"), "binary data", NO_LIST, ""),
    "a packed tar archive": (archive("w:gz"), "gzip file", NO_LIST, ""),
    "another packed tar archive": (archive("w:xz"), "xz file", NO_LIST, ""),
    "half": (half_page, "broke off", "", ""),
    "100-fold": (names(200000), "it has grown from 2000 rules to 200000", ACCEPT, ""),
    "shrunk to a tenth": (names(200), "it has shrunk from 2000 rules to 200", ACCEPT, ""),
    "a top-level domain": (b"||com^\n" + OLD.replace(b"\n", b"^\n").replace(b"n", b"||n", 1),
                           "it blocks everything below com", ACCEPT, "syntax = adblock"),
    "a registry": (OLD + b"co.uk\n", "it blocks everything below co.uk", ACCEPT, ""),
    "junk lines": (OLD + b"?! junk \x01\x02\n" * 1000, "of its lines are not understood", ACCEPT, ""),
    "an expression on everything": (b"/.*/\n" + b"".join(b"||" + n + b"^\n" for n in OLD.split()),
                                    "blocks every name", ACCEPT, "syntax = adblock"),
    "an endless body": (endless_page, "it is larger than",
                        "; to take it all the same: raise option max_size of list a", ""),
    "gone (404)": (None, "the server answered 404", GONE, ""),
    "gone (410)": (410, "the server answered 410", GONE, ""),
    "wrong pin": (OLD + b"x.example\n", "not the pinned",
                  "; to take it all the same: change option sha256 of list a", ""),
    "bad signature": (OLD + b"x.example\n", "its signature does not belong",
                      "; to take it all the same: change option minisign of list a", ""),
    "an allowed name": (OLD + b"bank.example\n", "it now blocks bank.example", ACCEPT, ""),
}


class Signer:
    """A key of minisign."""

    def __init__(self, dir):
        self.dir = dir
        self.key = os.path.join(dir, "key.pem")
        self.id = os.urandom(8)
        self.openssl("genpkey", "-algorithm", "ed25519", "-out", self.key)
        der = self.openssl("pkey", "-in", self.key, "-pubout", "-outform", "DER")
        self.public = base64.b64encode(b"Ed" + self.id + der[-32:]).decode()

    @staticmethod
    def openssl(*args):
        try:
            return subprocess.run(("openssl",) + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  check=True).stdout
        except (FileNotFoundError, subprocess.CalledProcessError) as why:
            raise Skip("openssl makes no Ed25519 signature: %s" % why)

    def raw(self, data):
        path = os.path.join(self.dir, "to-sign")
        with open(path, "wb") as f:
            f.write(data)
        return self.openssl("pkeyutl", "-sign", "-inkey", self.key, "-rawin", "-in", path)

    def sign(self, data, hashed=True, comment=b"timestamp:1"):
        signature = self.raw(hashlib.blake2b(data).digest() if hashed else data)
        lines = [b"untrusted comment: x",
                 base64.b64encode((b"ED" if hashed else b"Ed") + self.id + signature),
                 b"trusted comment: " + comment, base64.b64encode(self.raw(signature + comment))]
        return b"\n".join(lines) + b"\n"


def breaking(name, page, reason, remedy, options):
    may_be_accepted = remedy == ACCEPT

    def check():
        old = OLD if options != "syntax = adblock" else b"".join(b"||" + n + b"^\n" for n in OLD.split())
        with Place() as place:
            web.pages.update({"/a": old, "/b": b"0.0.0.0 other.example\n"})
            more = options
            if name == "wrong pin":
                more = 'sha256 = "%s"' % hashlib.sha256(old).hexdigest()
            if name == "bad signature":
                signer = Signer(place.dir)
                web.pages["/a.minisig"] = signer.sign(old)
                more = 'minisign = "%s"' % signer.public
            if name == "an allowed name":
                with open(place.rules, "w") as f:
                    f.write("# mine\nallow bank.example\n")
            place.configure(a=("/a", more), b="/b")
            place.run()
            before = place.files()
            web.pages["/a"] = page
            for day in range(2):  # it is the same the next day
                line = line_of(place.run("--max-size", "8M", code=3), "a")
                has(line, "a: held" if may_be_accepted else "a: kept old", "2000 rules", reason)
                equal(line[line.index(")", line.index("http")) + 1:], remedy, line)
                if day == 0:
                    print("# %s: %s" % (name, line))
                equal(place.files(), before)
                found = place.json("--max-size", "8M", code=3)["lists"]
                has(found[0]["reason"], reason)
                equal(found[0].get("remedy", ""), remedy[2:])
                equal(found[1]["result"], "unchanged")
            equal(place.has("lists/a.held"), may_be_accepted)
            if may_be_accepted:
                equal(place.read("lists/a.held"), page)
                del web.pages["/a"]  # it is what was held that is taken
                has(place.run("--accept", "a"), "a: accepted", "b: not asked for", "image: ")
                equal(place.read("lists/a.txt"), page)
                assert not place.has("lists/a.held")
                has(place.run(command="rollback"), "a: rolled back, 2000 rules", "image: ")
            equal(place.read("lists/a.txt"), old)
            equal(place.read("image"), before["image"][1])
            web.pages["/a"] = old
            place.run()
            equal(place.read("image"), before["image"][1])

    check.__doc__ = "%s: the old list stays in force" % name
    return check


for _name, _row in BREAKS.items():
    test(breaking(_name, *_row))


@test
def first_versions():
    """A first version is compared with nothing, but what it blocks and whether it can be read counts"""
    with Place(a="/a") as place:
        web.pages["/a"] = b"||zip^\n||ads.example^\n"
        has(place.run(code=1), "a: left out: it blocks everything below zip", "quell-update --accept a")
        assert not place.has("image")
        place.run("--accept", "a")
        equal(place.dump(), ["0 suffix ads.example", "0 suffix zip"])
        web.pages["/a"] += b"||ads2.example^\n"  # accepted once, it is no news
        has(place.run(), "a: updated, 3 rules")
        web.pages["/b"] = names(10000)
        place.configure(a="/a", b="/b")
        has(place.run(), "b: updated, 10000 rules")


@test
def accept_what_is_not_there():
    """--accept where nothing is held, and of no list"""
    with Place(a="/a") as place:
        web.pages["/a"] = names(3)
        place.run()
        before = place.files()
        place.run("--accept", "a", code=1)
        has(place.err, "list a: no version of it is held")
        place.run("--accept", "b", code=2)
        has(place.err, "there is no list b")
        place.run("--accept", "a", "--dry-run", code=2)
        equal(place.files(), before)


@test
def bounds():
    """The bounds are options of a list"""
    with Place(a=("/a", "shrink_max = 100"), b=("/b", "grow_max = 100000"), c=("/c", "bad_max = 90")) as place:
        web.pages.update({"/a": OLD, "/b": OLD, "/c": OLD})
        place.run()
        web.pages.update({"/a": names(2), "/b": names(60000), "/c": OLD + b"?! x\n" * 4000})
        out = place.run()
        for name in "abc":
            has(out, "%s: updated" % name)


# --- names that the network needs ---

@test
def vital_names():
    """Names that the network needs are exempted and named, and answered; the option switches that off"""
    text = b"||captive.apple.com^$important\n||apple.example^\n||ntp.org^\n||127.0.0.1.example^\n"
    with Place(a="/a") as place, FakeUpstream() as upstream:
        web.pages["/a"] = b"||ads.example^\n"
        place.run()
        equal(len(place.dump()), 1)
        web.pages["/a"] = text
        out = place.run()
        has(out, "exempted: captive.apple.com, since the network needs it (blocked by a); "
            "to block it all the same: quellctl block captive.apple.com",
            "exempted: *.pool.ntp.org, since the network needs it (blocked by a)")
        print("# " + next(line for line in out.splitlines() if line.startswith("exempted: captive")))
        equal([x["name"] for x in place.json()["exempted"]], ["captive.apple.com", "pool.ntp.org"])
        equal([line for line in place.dump() if line.startswith("1 ")],
              ["1 exact captive.apple.com allow important needed", "1 suffix pool.ntp.org allow important needed"])
        has(tool("why", place.path("image"), "--", "0.pool.ntp.org"), "exempt")
        conf = place.text(a="/a")
        with Quelld([upstream], conf=conf) as daemon:
            assert_rcode(daemon.ask("captive.apple.com."), "NOERROR")
            assert_rcode(daemon.ask("2.android.pool.ntp.org."), "NOERROR")
            assert_blocked(daemon.ask("www.ntp.org."))
        # Without a list that blocks them, the image has no word of them.
        web.pages["/a"] = b"||ads.example^\n"
        place.run()
        equal(place.dump(), ["0 suffix ads.example"])
        web.pages["/a"] = text
        place.configure("vital_names = no", a="/a")
        assert "exempted" not in place.run()
        assert not [line for line in place.dump() if "needed" in line]
        with Quelld([upstream], conf=place.text("vital_names = no", a="/a")) as daemon:
            assert_blocked(daemon.ask("captive.apple.com."))


# --- versions ---

@test
def rollback():
    """A roll-back is reported, holds until the publisher has another text, and goes further back"""
    with Place(a="/a", b="/b") as place:
        web.pages["/b"] = names(5, "b")
        for i in range(4):
            web.pages["/a"] = b"v%d.example\n" % i
            place.run()
        equal([place.read("lists/a.txt." + n) for n in "12"], [b"v2.example\n", b"v1.example\n"])
        assert not place.has("lists/a.txt.3")
        has(place.run("a", command="rollback"), "a: rolled back, 1 rules", "b: not asked for", "image: written")
        has("\n".join(place.dump()), "v2.example")
        before = place.files()
        for _ in range(2):
            has(place.run(), "a: rolled back", "b: unchanged", "image: unchanged")
        equal(place.files(), before)
        has(place.run("a", command="rollback"), "a: rolled back")
        has("\n".join(place.dump()), "v1.example")
        has(place.run(), "a: rolled back", "image: unchanged")
        place.run("a", code=1, command="rollback")
        has(place.err, "no version before")
        web.pages["/a"] = b"v4.example\n"
        has(place.run(), "a: updated")
        equal(place.json("a", command="rollback")["lists"][0]["result"], "rolled back")
        has("\n".join(place.dump()), "v1.example")
        has(place.run("--accept", "a"), "a: accepted")
        has("\n".join(place.dump()), "v4.example")
        has(place.run(), "a: unchanged")
        place.run("c", code=2, command="rollback")


@test
def versions_option():
    """As many versions are kept as the option says"""
    with Place() as place:
        place.configure("versions = 1", a="/a")
        for i in range(3):
            web.pages["/a"] = b"v%d.example\n" % i
            place.run()
        equal(sorted(f for f in os.listdir(place.path("lists")) if ".txt" in f), ["a.txt"])
        place.run(code=1, command="rollback")
        place.configure("versions = 5", a="/a")
        for i in range(9):
            web.pages["/a"] = b"v%d.example\n" % i
            place.run()
        equal(sorted(f for f in os.listdir(place.path("lists")) if ".txt" in f),
              ["a.txt"] + ["a.txt.%d" % i for i in (1, 2, 3, 4)])


# --- pins and signatures ---

@test
def pins():
    """sha256: the pinned text is taken, another is not, be it the first or an unchanged one"""
    with Place() as place:
        good, other = names(3), names(4)
        pin = 'sha256 = "%s"' % hashlib.sha256(good).hexdigest().upper()
        web.pages["/a"] = other
        place.configure(a=("/a", pin))
        has(place.run(code=1), "a: left out: its SHA-256 is", "not the pinned")
        web.pages["/a"] = good
        has(place.run(), "a: updated")
        place.configure(a=("/a", 'sha256 = "%s"' % hashlib.sha256(other).hexdigest()))
        has(place.run(code=3), "a: kept old, 3 rules", "not the pinned")
        place.configure(a=("/a", 'sha256 = "abc"'))
        place.run(code=2)
        has(place.err, "64 hex digits")


@test
def signatures():
    """minisign: both forms, elsewhere, changed, by another key, missing, of a local file"""
    with Place() as place:
        signer, stranger = Signer(place.dir), None
        os.mkdir(os.path.join(place.dir, "other"))
        stranger = Signer(os.path.join(place.dir, "other"))
        key = 'minisign = "%s"' % signer.public
        place.configure(a=("/a", key))
        web.pages.pop("/a.minisig", None)
        web.pages["/a"] = names(1)
        has(place.run(code=1), "a: left out", "signature", "404")
        for hashed in True, False:
            web.pages["/a"] = names(3 if hashed else 4)
            web.pages["/a.minisig"] = signer.sign(web.pages["/a"], hashed)
            has(place.run(), "a: updated")
        before = place.files()
        text = web.pages["/a"] = names(5)
        for signature, reason in ((signer.sign(names(4)), "does not belong"),
                                  (stranger.sign(text), "another key"),
                                  (signer.sign(text).replace(b"timestamp:1", b"timestamp:2"), "comment"),
                                  (WEB_PAGE, "signature"), (b"", "signature")):
            web.pages["/a.minisig"] = signature
            has(place.run(code=3), "a: kept old, 4 rules", reason)
            equal(place.files(), before)
        place.configure(a=("/a", '%s\n signature = "%s"' % (key, web.url("/sig"))))
        web.pages["/sig"] = signer.sign(text)
        has(place.run(), "a: updated, 5 rules")
        local = os.path.join(place.dir, "local")
        for name, data in ("local", text), ("local.minisig", signer.sign(text)):
            with open(os.path.join(place.dir, name), "wb") as f:
                f.write(data)
        with open(place.conf, "w") as f:
            f.write(place.text() + 'list "l" { file = "%s"\n %s }\n' % (local, key))
        has(place.run(), "l: updated, 5 rules")
        with open(local, "ab") as f:
            f.write(b"more.example\n")
        has(place.run(code=3), "l: kept old, 5 rules", "does not belong")


class Tagged:
    """A page with an ETag; counts the bytes of bodies that it sends."""

    def __init__(self, body, etag):
        self.body, self.etag, self.sent = body, etag, 0

    def __call__(self, h):
        is_same = h.headers.get("If-None-Match") == self.etag
        h.send_response(304 if is_same else 200)
        h.send_header("ETag", self.etag)
        if not is_same:
            h.send_header("Content-Length", str(len(self.body)))
        h.end_headers()
        if not is_same:
            h.wfile.write(self.body)
            self.sent += len(self.body)


@test
def unchanged_under_another_configuration():
    """A text that the server has unchanged is held against the pin and the key of today"""
    with Place() as place:
        signer = Signer(place.dir)
        os.mkdir(os.path.join(place.dir, "other"))
        stranger = Signer(os.path.join(place.dir, "other"))
        page = web.pages["/a"] = Tagged(names(3), '"1"')
        web.pages["/a.minisig"] = signer.sign(page.body)
        place.configure(a="/a")
        place.run()
        before = place.files()

        def same(outcome, *reasons, options="", code=0, transfers):
            sent = page.sent
            place.configure(a=("/a", options))
            line = line_of(place.run(code=code), "a")
            has(line, outcome, "3 rules", *reasons)
            equal(page.sent != sent, transfers, "sent with " + options)
            equal(place.files(), before)

        pin = 'sha256 = "%s"'
        same("unchanged", transfers=False)
        same("unchanged", options=pin % hashlib.sha256(page.body).hexdigest(), transfers=False)
        same("kept old", "not the pinned", options=pin % hashlib.sha256(b"other").hexdigest(), code=3, transfers=False)
        # A key that it was not looked at with: it is sent with its signature.
        key = 'minisign = "%s"' % signer.public
        same("unchanged", options=key, transfers=True)
        same("unchanged", options=key, transfers=False)
        same("kept old", "another key", options='minisign = "%s"' % stranger.public, code=3, transfers=True)
        web.pages["/a.minisig"] = stranger.sign(page.body)
        same("unchanged", options='minisign = "%s"' % stranger.public, transfers=True)
        same("unchanged", options='minisign = "%s"' % stranger.public, transfers=False)


@test
def held_is_asked_about():
    """What is held, and what was rolled back from, is not sent again; it is taken when it may be"""
    with Place(a="/a", b="/b") as place:
        web.pages["/b"] = names(5, "b")
        first = web.pages["/a"] = Tagged(OLD, '"1"')
        place.run()
        before = place.files()
        page = web.pages["/a"] = Tagged(names(200), '"2"')
        has(place.run(code=3), "a: held", "it has shrunk", ACCEPT)
        equal(page.sent, len(page.body))
        for _ in range(2):
            found = place.json(code=3)
            equal((found["lists"][0]["result"], found["lists"][0]["held"], found["lists"][0]["transfer"]["from_cache"]),
                  ("held", True, True))
            has(found["lists"][0]["reason"], "it has shrunk")
            equal(found["bytes_written"], 0)
        equal(page.sent, len(page.body), "bytes sent")
        equal(place.files(), before)
        place.configure(a=("/a", "shrink_max = 95"), b="/b")  # now it passes, and is here
        has(place.run(), "a: updated, 200 rules")
        equal(page.sent, len(page.body), "bytes sent")
        equal(place.read("lists/a.txt"), page.body)
        assert not place.has("lists/a.held")
        has(place.run(), "a: unchanged")
        equal(page.sent, len(page.body), "bytes sent")
        has(place.run("a", command="rollback"), "a: rolled back, 2000 rules")
        for _ in range(2):
            has(place.run(), "a: rolled back, 2000 rules", "image: unchanged", "written: 0 B")
        equal(page.sent, len(page.body), "bytes sent")
        has(place.run("--accept", "a"), "a: accepted, 200 rules")
        has(place.run(), "a: unchanged, 200 rules")
        equal(page.sent, len(page.body), "bytes sent")
        # The publisher has the first one again, and then nothing is held any more.
        place.configure(a="/a", b="/b")
        web.pages["/a"] = Tagged(OLD * 20 + names(30000), '"3"')
        has(place.run(code=3), "a: held, 200 rules")
        web.pages["/a"] = page
        has(place.run(), "a: unchanged, 200 rules")
        place.run("--accept", "a", code=1)
        has(place.err, "no version of it is held")
        assert first.sent == len(OLD)


@test
def held_without_validators():
    """What is held or was rolled back from is not written again, though the server cannot tell"""
    with Place(a="/a") as place:
        web.pages["/a"] = OLD
        place.run()
        web.pages["/a"] = names(200, "m")
        has(place.run(code=3), "a: held")
        kept = os.stat(place.path("lists/a.held"))
        equal(place.json(code=3)["bytes_written"], 0)
        now = os.stat(place.path("lists/a.held"))
        equal((now.st_ino, now.st_mtime_ns, now.st_ctime_ns), (kept.st_ino, kept.st_mtime_ns, kept.st_ctime_ns))
        place.run("--accept", "a")
        place.run(command="rollback")
        equal(place.json()["bytes_written"], 0)
        web.pages["/a"] = names(199, "m")  # nearly what is here: both of it
        has(place.run(code=3), "a: held")
        equal(place.read("lists/a.held"), names(199, "m"))


# --- preview and report ---

@test
def preview():
    """preview says what would change, and changes nothing"""
    with Place(a="/a", b="/b") as place:
        web.pages.update({"/a": b"||stays.example^\n||goes.example^\n||both.example^\n",
                          "/b": b"both.example\nx.example\n"})
        place.run()
        before = place.files()
        web.pages["/a"] = b"||stays.example^\n||sub.stays.example^\n||comes.example^\n/^ad[0-9]+\\./\n"
        listed = os.path.join(place.dir, "names")
        with open(listed, "w") as f:
            f.write("www.comes.example\nfree.example\nGOES.example\nstays.example\nboth.example\n")
        out = place.run("--names", listed, command="preview")
        has(out, "a: updated", "image: not written", "a: 1 names newly blocked, 1 freed; 1 rules without a name added",
            "  + comes.example\n", "  - goes.example\n", "  + regex /^ad[0-9]+\\./\n",
            "b: 0 names newly blocked, 0 freed\n", "www.comes.example: would be blocked (a)\n",
            "goes.example: would be freed (a)\n", "stays.example: stays blocked (a)\n",
            "both.example: stays blocked (b)\n")
        assert "free.example" not in out
        found = place.json("--names", listed, command="preview")
        equal([(x["name"], x["blocked"], x["freed"]) for x in found["lists"]],
              [("a", ["comes.example"], ["goes.example"]), ("b", [], [])])
        equal(len(found["names"]), 4)
        web.pages["/a"] = names(8000)
        place.run("--names", listed + ".none", code=1, command="preview")
        web.pages["/a"] = WEB_PAGE
        has(place.run(code=3, command="preview"), "a: kept old", "a: 0 names newly blocked, 0 freed")
        equal(place.files(), before)


@test
def preview_of_many():
    """preview shows the first of many, as JSON all; without an image all is new"""
    with Place(a="/a") as place:
        web.pages["/a"] = names(1000)
        has(place.run(command="preview"), "a: 1000 names newly blocked, 0 freed", "  + ... 990 more")
        equal(len(place.json(command="preview")["lists"][0]["blocked"]), 1000)
        assert not os.path.exists(place.state)


@test
def report():
    """report compares the lists by their kept copies"""
    with Place(a="/a", b="/b", c="/gone") as place:
        web.pages.update({"/a": names(100), "/b": names(50)})
        web.pages.pop("/gone", None)
        place.run(code=3)
        out = place.run(command="report")
        has(out, "a: 100 rules, 0 bad lines, 50.0 % on no other list", "b adds nothing to the other lists",
            "c: there is no copy of it yet")
        found = place.json(command="report")
        equal([x["adds"] for x in found["lists"]], [50, 0, 0])
        equal(found["image"]["bytes"], len(place.read("image")))


# --- disks and kills ---

def unshared(place, script, *args):
    """Run `script` as root in a place where it can mount; its output."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        raise Skip("only root can mount a disk of its own")
    p = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", place.dir] + list(args), stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=WAIT_SECONDS)
    out = p.stdout.decode()
    if "mounted" not in out:
        raise Skip("no file system can be mounted here: %s" % out.strip())
    return out


@test
def read_only_disk():
    """A read-only state folder: nothing is done, and said why; preview and report still work"""
    with Place(a="/a") as place:
        web.pages["/a"] = OLD
        place.run()
        web.pages["/a"] = OLD + b"more.example\n"
        before = place.files()
        out = unshared(place, """
            mount --bind "$1/state" "$1/state" && mount -o remount,ro,bind "$1/state" && echo mounted
            conf=$1/quell.conf; shift
            "$@" run -c "$conf"; echo "run $?"
            "$@" rollback -c "$conf"; echo "rollback $?"
            "$@" preview -c "$conf"; echo "preview $?"
            "$@" report -c "$conf"; echo "report $?" """, *UPDATE)
        has(out, "Read-only file system", "run 1", "rollback 1", "preview 0", "+ more.example", "report 0")
        equal(place.files(), before)


@test
def full_disk():
    """A disk without room for a new version, for what is held, or for the image: the old ones stay whole"""
    with Place() as place:
        place.state = os.path.join(place.dir, "disk/state")
        os.mkdir(os.path.join(place.dir, "disk"))
        web.pages.update({"/a": OLD, "/large": names(60000), "/tenth": names(200)})
        for name in "a", "large", "tenth":
            place.configure("versions = 3", a=("/" + name, "grow_max = 100000"))
            os.rename(place.conf, os.path.join(place.dir, name + ".conf"))
        out = unshared(place, """
            set -e
            mount -t tmpfs -o size=640k tmpfs "$1/disk" && echo mounted
            dir=$1; shift
            status() { if "$@" 2>&1; then echo "exit 0"; else echo "exit $?"; fi; }
            status "$@" run -c "$dir/a.conf"
            cp -r "$dir/disk/state" "$dir/before"
            echo large; status "$@" run -c "$dir/large.conf"
            dd if=/dev/zero of="$dir/disk/fill" bs=1k 2>/dev/null || true
            echo tenth; status "$@" run -c "$dir/tenth.conf"
            cmp "$dir/before/image" "$dir/disk/state/image" && cmp "$dir/before/lists/a.txt" "$dir/disk/state/lists/a.txt"
            echo same
            rm "$dir/disk/fill"
            echo again; status "$@" run -c "$dir/a.conf" """, *UPDATE)
        has(out[out.index("large"):out.index("tenth")], "a: kept old", "No space left on device", "exit 3")
        has(out[out.index("tenth"):out.index("again")], "2000 rules", "same", "exit 3")
        has(out[out.index("again"):], "exit 0")


@test
def room_for_all():
    """Room is looked for once for all: where the image would not find any, no list is begun"""
    with Place() as place:
        place.state = os.path.join(place.dir, "disk/state")
        os.mkdir(os.path.join(place.dir, "disk"))
        web.pages.update({"/a": names(20000), "/b": names(20000, "b"), "/more": names(24000)})
        for name in "a", "more":
            place.configure(a="/" + name, b="/b")
            os.rename(place.conf, os.path.join(place.dir, name + ".conf"))
        web.pages["/chunked"] = lambda h: (h.send_response(200), h.end_headers(), h.wfile.write(names(24000)))
        place.configure(a="/chunked", b="/b")
        out = unshared(place, """
            mount -t tmpfs -o size=4m tmpfs "$1/disk" && echo mounted
            dir=$1; shift
            "$@" run -c "$dir/a.conf" || exit
            image=$(stat -c %s "$dir/disk/state/image")
            fill() { rm -f "$dir/disk/fill"; head -c $(($(df --output=avail -B1 "$dir/disk" | tail -1) - $1)) /dev/zero >"$dir/disk/fill"; }
            list=$(stat -c %s "$dir/disk/state/lists/a.txt")
            fill $((list * 5 / 4 + image * 3 / 4)); cp -r "$dir/disk/state" "$dir/before"
            for conf in more quell; do
                echo "too little"; "$@" run -c "$dir/$conf.conf"; echo "exit $?"
                diff -r "$dir/before" "$dir/disk/state" && echo same
            done
            fill $((list * 2 + image * 2))
            echo enough; "$@" run -c "$dir/more.conf"; echo "exit $?" """, *UPDATE)
        few = out[out.index("too little"):out.index("enough")]
        for part in few.split("too little")[1:]:
            has(part, "a: kept old, 20000 rules", "No space left on device", "are needed", "are free", "b: unchanged",
                "image: unchanged", "exit 3", "same")
        has(out[out.index("enough"):], "a: updated, 24000 rules", "image: written", "exit 0")


@test
def killed_at_random_moments():
    """Killed at random moments: the next start answers with a good state each time"""
    signal.alarm((60 + KILLS) * SLOW)
    seed = int(os.environ.get("TEST_SEED", random.randrange(1 << 32)))
    print("# TEST_SEED=%d" % seed, flush=True)
    rng = random.Random(seed)
    served = {"a": set(), "b": set()}

    def serve(generation):
        for name in served:
            text = b"always.example\n%s-generation%d.example\n" % (name.encode(), generation) + names(300, name)
            web.pages["/kill-" + name] = text
            served[name].add(text)

    with Place(a="/kill-a", b="/kill-b") as place, FakeUpstream() as upstream:
        conf = place.text(a="/kill-a", b="/kill-b")
        serve(0)
        began = time.monotonic()
        place.run()
        whole_s = time.monotonic() - began
        n_killed = 0
        for generation in range(1, KILLS + 1):
            serve(generation)
            command = rng.choice(["run", "run", "run", "rollback"])
            p = place.start(command=command)
            try:
                p.wait(timeout=rng.uniform(0, 0.9 * whole_s))
            except subprocess.TimeoutExpired:
                p.kill()
                n_killed += 1
            p.communicate()
            tool("verify", place.path("image"))
            for name, texts in served.items():
                assert place.read("lists/%s.txt" % name) in texts, "a torn copy"
            if generation % 20 != 0:  # it reads no more than what was looked at here
                continue
            with Quelld([upstream], conf=conf) as daemon:
                assert_blocked(daemon.ask("always.example."))
                assert_blocked(daemon.ask("a299.example."))
                assert_rcode(daemon.ask("free.example."), "NOERROR")
                equal([line for line in daemon.log.all() if "degraded" in line or line.startswith("error")], [])
        serve(KILLS + 1)
        place.run()
        equal(sorted(line for line in place.dump() if "generation" in line),
              ["%d suffix %s-generation%d.example" % (i, name, KILLS + 1) for i, name in enumerate("ab")])
        equal([f for _, _, files in os.walk(place.state) for f in files if f.endswith((".tmp", ".part"))], [])
        print("# %d of %d were killed" % (n_killed, KILLS))
        assert n_killed > KILLS // 4, "hardly any was killed"


main()
