"""What quell-update transfers and writes: conditional requests, ranges, several lists at once, redirects, own resolution."""

import contextlib
import ctypes
import gzip
import http.server
import json
import lzma
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading

from harness import (BUILD, SOURCE, WAIT_SECONDS, WRAPPER, FakeUpstream, Lines, Namespace, Quelld, Skip, equal, main,
                     reply_to, temporary_folder, test, wait_until)

UPDATE = WRAPPER + [os.path.join(BUILD, "quell-update")]
OLD_DATE = "Sat, 01 Nov 2025 10:00:00 GMT"


# --- a web server ---

class Page:
    """A text with its validators.  break_at: the connection ends behind so many bytes of a body, as often as
    `breaks` says; gate: an event that the second half waits for."""

    def __init__(self, text, etag=None, modified=None, ranges=True, break_at=0, breaks=0, gate=None, status=200,
                 headers=(), packed=False):
        body = text if isinstance(text, bytes) else text.encode()
        self.body = gzip.compress(body) if packed else body
        self.etag, self.modified, self.ranges = etag, modified, ranges
        self.break_at, self.breaks, self.gate = break_at, breaks, gate
        self.status, self.headers, self.packed = status, headers, packed
        self.sent = 0

    def is_unchanged(self, asked):
        if asked.get("If-None-Match"):  # RFC 9110, 13.1.2: compared weakly
            return self.etag is not None and asked["If-None-Match"].removeprefix("W/") == self.etag.removeprefix("W/")
        return self.modified is not None and asked.get("If-Modified-Since") == self.modified

    def range_from(self, asked):
        """Where the range that is asked for begins; 0: all is sent."""
        match = re.fullmatch(r"bytes=(\d+)-", asked.get("Range", ""))
        if not match or not self.ranges or asked.get("If-Range") not in (None, self.etag, self.modified):
            return 0
        return int(match.group(1))

    def answer(self, h):
        for key, value in [("ETag", self.etag), ("Last-Modified", self.modified)] + list(self.headers):
            if value is not None:
                h.fields.append((key, value))
        if self.status == 200 and self.is_unchanged(h.headers):
            h.head(304)
            return
        start = self.range_from(h.headers)
        body = self.body[start:]
        if start:
            h.fields.append(("Content-Range", "bytes %d-%d/%d" % (start, len(self.body) - 1, len(self.body))))
        if self.packed:
            h.fields.append(("Content-Encoding", "gzip"))
        h.fields.append(("Content-Length", str(len(body))))
        h.head(206 if start else self.status)
        half = len(body) // 2
        if self.breaks > 0:
            self.breaks -= 1
            body = body[:max(0, self.break_at - start)]
        if self.gate is not None:
            self.send(h, body[:half])
            self.gate.wait(WAIT_SECONDS)
            body = body[half:]
        self.send(h, body)

    def send(self, h, bytes_):
        h.wfile.write(bytes_)
        h.wfile.flush()
        self.sent += len(bytes_)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.fields = [("Connection", "close")]
        self.close_connection = True
        with self.server.changed:
            self.server.requests.append((self.path, dict(self.headers)))
            self.server.changed.notify_all()
        page = self.server.pages.get(self.path)
        if isinstance(page, str):
            self.fields += [("Location", page), ("Content-Length", "0")]
            self.head(302)
        elif page is None:
            self.send_error(404)
        else:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                page.answer(self)

    def head(self, status):
        self.send_response(status)
        for key, value in self.fields:
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, *args):
        pass


class Web(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address="127.0.0.1"):
        super().__init__((address, 0), Handler)
        self.port = self.server_address[1]
        self.pages = {}
        self.requests = []
        self.changed = threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *exc):
        self.shutdown()
        super().__exit__(*exc)

    def url(self, path, host="127.0.0.1"):
        return "http://%s:%d%s" % (host, self.port, path)

    def sent(self):
        return sum(page.sent for page in self.pages.values() if isinstance(page, Page))

    def asked(self, path):
        return [fields for p, fields in self.requests if p == path]

    def handle_error(self, *args):
        pass


# --- quell-update ---

class House:
    """A state folder and a configuration."""

    def __init__(self, folder, lists, upstream="127.0.0.1:9"):
        self.folder = folder
        self.state = os.path.join(folder, "state")
        self.conf = os.path.join(folder, "quell.conf")
        self.upstream = upstream
        self.configure(lists)

    def configure(self, lists):
        with open(self.conf, "w") as f:
            f.write('state_dir = "%s"\ncontrol = "%s/control"\n' % (self.state, self.folder))
            if self.upstream:
                f.write('upstream = {"%s"}\n' % self.upstream)
            for name, where in lists.items():
                where, more = where if isinstance(where, tuple) else (where, "")
                f.write('list "%s" {\n %s = "%s"\n %s\n}\n' % (name, "url" if "://" in where else "file", where, more))

    def command(self, *args):
        return UPDATE + ["run", "-c", self.conf, "--json"] + list(args)

    def start(self, *args):
        return subprocess.Popen(self.command(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def run(self, *args, code=0):
        """Run it to its end: the report, with the lists by their names."""
        done = subprocess.run(self.command(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=WAIT_SECONDS * 2)
        return self.report(done.returncode, done.stdout, done.stderr, code)

    def report(self, returncode, out, err, code=0):
        self.err = err.decode()
        assert returncode == code, "exit %d, not %d: %s%s" % (returncode, code, out.decode(), self.err)
        found = json.loads(out)
        found["lists"] = {x["name"]: x for x in found["lists"]}
        return found

    def results(self, found):
        return {name: x["result"] for name, x in found["lists"].items()}

    def read(self, name):
        with open(os.path.join(self.state, name), "rb") as f:
            return f.read()

    def files(self):
        """Those of the lists, but earlier versions."""
        return sorted(name for name in os.listdir(os.path.join(self.state, "lists"))
                      if not re.search(r"\.txt\.\d+$", name))

    def times(self):
        """Inode, times and size of the folder and all in it."""
        found = {}
        for folder, _, names in os.walk(self.state):
            for path in [folder] + [os.path.join(folder, name) for name in names]:
                st = os.stat(path)
                found[path] = (st.st_ino, st.st_mtime_ns, st.st_ctime_ns, st.st_size)
        return found


class Watch:
    """All changes below a folder, as the kernel sees them."""

    MODIFY, ATTRIB, MOVED_FROM, MOVED_TO, CREATE, DELETE, NONBLOCK = 2, 4, 0x40, 0x80, 0x100, 0x200, 0o4000

    def __init__(self, *folders):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(self.NONBLOCK)
        mask = self.MODIFY | self.ATTRIB | self.MOVED_FROM | self.MOVED_TO | self.CREATE | self.DELETE
        for folder in folders:
            if self.fd < 0 or libc.inotify_add_watch(self.fd, folder.encode(), mask) < 0:
                raise Skip("inotify: " + os.strerror(ctypes.get_errno()))

    def events(self):
        found = []
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return found
            while data:
                _, mask, _, size = struct.unpack("iIII", data[:16])
                found.append((hex(mask), data[16:16 + size].rstrip(b"\0").decode()))
                data = data[16 + size:]


def text_of(name, lines=2000):
    return "".join("%s-%d.example\n" % (name, i) for i in range(lines))


def names_of(n):
    return ["list%d" % i for i in range(n)]


# --- nothing new ---

@test
def test_second_run():
    """Ten lists: the second run transfers nothing and writes nothing"""
    with Web() as web, temporary_folder() as folder:
        validators = [{"etag": '"%d"'}, {"etag": 'W/"%d"'}, {"modified": OLD_DATE}, {"etag": '"%d"', "modified": OLD_DATE},
                      {"etag": '"%d"', "packed": True}]
        for i, name in enumerate(names_of(10)):
            kind = dict(validators[i % len(validators)])
            if "etag" in kind:
                kind["etag"] %= i
            web.pages["/" + name] = Page(text_of(name), **kind)
        house = House(folder, {name: web.url("/" + name) for name in names_of(10)})
        found = house.run()
        equal(set(house.results(found).values()), {"updated"})
        assert found["bytes_written"] > 10 * 2000 * 10, found["bytes_written"]
        sent, times = web.sent(), house.times()
        equal(sum(x["transfer"]["bytes"] for x in found["lists"].values()), sent, "bytes in the report")
        watch = Watch(house.state, os.path.join(house.state, "lists"))
        found = house.run()
        equal(set(house.results(found).values()), {"unchanged"})
        equal(web.sent(), sent, "bytes sent")
        equal(found["image"]["result"], "unchanged")
        equal(found["bytes_written"], 0)
        equal({x["transfer"]["from_cache"] for x in found["lists"].values()}, {True})
        equal({x["transfer"]["bytes"] for x in found["lists"].values()}, {0})
        equal(house.times(), times)
        equal(watch.events(), [])


@test
def test_no_validators():
    """A server without validators: all is transferred, and nothing written"""
    with Web() as web, temporary_folder() as folder:
        web.pages["/a"] = Page(text_of("a"), headers=[("Last-Modified", None)])
        house = House(folder, {"a": web.url("/a")})
        house.run()
        times = house.times()
        watch = Watch(house.state, os.path.join(house.state, "lists"))
        found = house.run()
        equal(house.results(found), {"a": "unchanged"})
        equal(found["lists"]["a"]["transfer"]["bytes"], len(text_of("a")))
        equal(found["bytes_written"], 0)
        equal(watch.events(), [])
        equal(house.times(), times)
        equal(house.files(), ["a.txt"])


@test
def test_made_just_now():
    """What is modified at each request is not remembered"""
    with Web() as web, temporary_folder() as folder:
        now = http.server.BaseHTTPRequestHandler.date_time_string(None)
        web.pages["/a"] = Page(text_of("a"), modified=now)
        house = House(folder, {"a": web.url("/a")})
        house.run()
        equal(house.files(), ["a.txt"])


@test
def test_changed():
    """A changed list comes whole, once"""
    with Web() as web, temporary_folder() as folder:
        web.pages["/a"] = Page(text_of("a"), etag='"1"')
        house = House(folder, {"a": web.url("/a")})
        house.run()
        web.pages["/a"] = Page(text_of("a") + "new.example\n", etag='"2"')
        equal(house.results(house.run()), {"a": "updated"})
        equal(house.read("lists/a.txt"), (text_of("a") + "new.example\n").encode())
        web.pages["/a"] = Page(text_of("a", 1500), etag='"3"')  # the beginning of the one before
        equal(house.results(house.run()), {"a": "updated"})
        equal(house.read("lists/a.txt"), text_of("a", 1500).encode())
        equal(house.results(house.run()), {"a": "unchanged"})
        equal(web.asked("/a")[-1]["If-None-Match"], '"3"')
        equal(house.files(), ["a.seen", "a.txt"])


@test
def test_bound_to_copy_and_url():
    """A damaged copy, and another URL, are asked for anew"""
    with Web() as web, temporary_folder() as folder:
        for path in "/a", "/b":
            web.pages[path] = Page(text_of("a"), etag='"same"')
        house = House(folder, {"a": web.url("/a")})
        house.run()
        path = os.path.join(house.state, "lists/a.txt")
        with open(path, "r+") as f:
            f.write("b")
        equal(house.results(house.run()), {"a": "updated"})
        assert "If-None-Match" not in web.asked("/a")[-1]
        equal(house.read("lists/a.txt"), text_of("a").encode())
        house.configure({"a": web.url("/b")})
        equal(house.results(house.run()), {"a": "unchanged"})
        assert "If-None-Match" not in web.asked("/b")[-1]
        house.run()
        equal(web.asked("/b")[-1]["If-None-Match"], '"same"')
        os.remove(path)
        equal(house.results(house.run()), {"a": "updated"})
        assert "If-None-Match" not in web.asked("/b")[-1]


@test
def test_refused_version():
    """A version that was refused is not taken for the kept one"""
    with Web() as web, temporary_folder() as folder:
        web.pages["/a"] = Page(text_of("a"), etag='"1"')
        house = House(folder, {"a": web.url("/a")})
        house.run()
        web.pages["/a"] = Page("<!DOCTYPE html>\n<html><body>Not here</body></html>\n", etag='"2"')
        for _ in range(2):
            equal(house.results(house.run(code=3)), {"a": "kept old"})
            equal(web.asked("/a")[-1]["If-None-Match"], '"1"')
        equal(house.files(), ["a.seen", "a.txt"])


REAL = ("1hosts-pro.txt", "blp-drugs.hosts.txt", "blp-phishing-nl.txt", "hostsvn-gambling.hosts.txt", "neodev.abp.txt",
        "neodev.dnsmasq.conf", "oisd-small.rpz", "shadowwhisperer-ads.txt", "shadowwhisperer-malware.txt",
        "stevenblack.domains.txt")


def ten_texts():
    """Real lists where they are at hand, else made ones of the same sizes or so."""
    folder = os.path.join(SOURCE, "..", "shared", "lists")
    if WRAPPER or not all(os.path.exists(os.path.join(folder, name + ".xz")) for name in REAL):
        return [text_of(name, 20000) for name in names_of(10)]
    return [lzma.open(os.path.join(folder, name + ".xz")).read() for name in REAL]


@test
def test_ten_lists():
    """Ten lists, real ones if they are there: one breaks off, two are slow; then nothing is transferred and written"""
    with Web() as web, temporary_folder() as folder:
        gate = threading.Event()
        names = names_of(10)
        for i, (name, text) in enumerate(zip(names, ten_texts())):
            web.pages["/" + name] = Page(text, etag='"%d"' % i, packed=i == 3, gate=gate if i in (0, 7) else None)
        broken = web.pages["/list2"]
        broken.break_at, broken.breaks = len(broken.body) // 2, 1
        house = House(folder, {name: web.url("/" + name) for name in names})
        process = house.start("--timeout", "10m")
        lines = Lines(process.stderr)
        lines.wait(r"^\[8/10\] ", seconds=4 * WAIT_SECONDS)  # with the slow ones still at their first half
        equal(sorted(re.findall(r"\[\d+/10\] (\w+): updated", "\n".join(lines.all()))),
              [name for name in names if name not in ("list0", "list7")])
        assert process.poll() is None
        gate.set()
        found = house.report(process.wait(4 * WAIT_SECONDS), process.stdout.read(), b"")
        equal(set(house.results(found).values()), {"updated"})
        for i, name in enumerate(names):
            body = web.pages["/" + name].body
            equal(house.read("lists/%s.txt" % name), gzip.decompress(body) if i == 3 else body, name)
            equal(web.pages["/" + name].sent, len(body), "bytes sent of " + name)
        transfer = found["lists"]["list2"]["transfer"]
        equal((transfer["tries"], transfer["resumed_at"]), (2, broken.break_at))
        equal([fields.get("Range") for fields in web.asked("/list2")], [None, "bytes=%d-" % broken.break_at])
        print("# first: %d bytes transferred, %d written, %d rules" % (
            sum(x["transfer"]["bytes"] for x in found["lists"].values()), found["bytes_written"],
            found["image"]["rules"]))

        sent, asked, times = web.sent(), len(web.requests), house.times()
        watch = Watch(house.state, os.path.join(house.state, "lists"))
        found = house.run()
        equal(set(house.results(found).values()), {"unchanged"})
        equal(web.sent(), sent, "bytes sent")
        equal(len(web.requests), asked + 10)
        equal({(x["transfer"]["from_cache"], x["transfer"]["bytes"]) for x in found["lists"].values()}, {(True, 0)})
        equal((found["image"]["result"], found["quelld"]["result"], found["bytes_written"]), ("unchanged", "not told", 0))
        equal(watch.events(), [])
        equal(house.times(), times)


# --- broken links ---

@test
def test_resume_within_a_run():
    """A link broken in the middle goes on with a range"""
    with Web() as web, temporary_folder() as folder:
        text = text_of("a", 20000)
        web.pages["/a"] = Page(text, etag='"1"', break_at=100000, breaks=1)
        house = House(folder, {"a": web.url("/a")})
        transfer = house.run()["lists"]["a"]["transfer"]
        equal(house.read("lists/a.txt"), text.encode())
        equal(web.sent(), len(text), "bytes sent")
        equal((transfer["tries"], transfer["resumed_at"], transfer["bytes"]), (2, 100000, len(text)))
        first, second = web.asked("/a")
        assert "Range" not in first
        equal((second["Range"], second["If-Range"]), ("bytes=100000-", '"1"'))
        equal(house.files(), ["a.seen", "a.txt"])


@test
def test_resume_across_runs():
    """A link that stays broken goes on in the next run"""
    with Web() as web, temporary_folder() as folder:
        text = text_of("a", 20000)
        web.pages["/a"] = Page(text, etag='"1"', break_at=100000, breaks=1)
        house = House(folder, {"a": web.url("/a")})
        found = house.run("--tries", "1", code=1)
        assert "broke off" in found["lists"]["a"]["reason"], found
        equal(house.files(), ["a.part", "a.part-seen"])
        transfer = house.run()["lists"]["a"]["transfer"]
        equal(house.read("lists/a.txt"), text.encode())
        equal(web.sent(), len(text), "bytes sent")
        equal((transfer["tries"], transfer["resumed_at"]), (1, 100000))
        equal(house.files(), ["a.seen", "a.txt"])


def damage(house):
    with open(os.path.join(house.state, "lists/a.part"), "r+") as f:
        f.write("x")


def cut(house):
    os.truncate(os.path.join(house.state, "lists/a.part"), 5000)


def check_begins_anew(spoil, page, ranges):
    """A part of "/a", something happens, and the next run has all of `page`.  `ranges`: it asked for one."""
    with Web() as web, temporary_folder() as folder:
        web.pages["/a"] = Page(text_of("a", 20000), etag='"1"', break_at=100000, breaks=1)
        house = House(folder, {"a": web.url("/a")})
        house.run("--tries", "1", code=1)
        web.pages["/a"] = page
        spoil(house)
        found = house.run()["lists"]["a"]
        equal(house.read("lists/a.txt"), page.body)
        equal(found["transfer"]["resumed_at"], 0)
        equal("Range" in web.asked("/a")[1], ranges)
        equal(page.sent, len(page.body))


@test
def test_part_damaged():
    """A part that is damaged is not gone on with"""
    check_begins_anew(damage, Page(text_of("a", 20000), etag='"1"'), False)
    check_begins_anew(cut, Page(text_of("a", 20000), etag='"1"'), False)


@test
def test_part_of_another_version():
    """A part of an older version is not gone on with"""
    check_begins_anew(lambda house: None, Page(text_of("b", 20000), etag='"2"'), True)


@test
def test_range_ignored():
    """A server that ignores ranges sends all"""
    check_begins_anew(lambda house: None, Page(text_of("a", 20000), etag='"1"', ranges=False), True)


@test
def test_no_resume_without_strong_validator():
    """Without a strong validator, and of a compressed transfer, nothing is gone on with"""
    for kind in {"etag": 'W/"1"'}, {}, {"etag": '"1"', "packed": True}:
        with Web() as web, temporary_folder() as folder:
            text = text_of("a", 20000)
            web.pages["/a"] = Page(text, break_at=5000, breaks=1, **kind)
            house = House(folder, {"a": web.url("/a")})
            house.run("--tries", "1", code=1)
            equal(house.files(), [])
            house.run()
            equal(house.read("lists/a.txt"), text.encode())
            assert not any("Range" in fields for fields in web.asked("/a"))


def wait_for_part(process, part, size):
    """A file has no event for "so large", so it is looked at again and again."""
    while not os.path.exists(part) or os.path.getsize(part) < size:
        assert process.poll() is None
        threading.Event().wait(0.01)


@test
def test_stopped():
    """A run that is stopped keeps what has come, and goes on from there"""
    with Web() as web, temporary_folder() as folder:
        text = text_of("a", 20000)
        gate = threading.Event()
        web.pages["/a"] = Page(text, etag='"1"', gate=gate)
        web.pages["/b"] = Page("b.example\n", etag='"2"')
        house = House(folder, {"a": web.url("/a"), "b": web.url("/b")})
        process = house.start()
        lines = Lines(process.stderr)
        lines.wait(r"\[1/2\] b: updated")
        wait_for_part(process, os.path.join(house.state, "lists/a.part"), len(text) // 2)
        process.send_signal(signal.SIGINT)
        out = process.stdout.read()
        process.wait(WAIT_SECONDS)
        gate.set()
        found = house.report(process.returncode, out, b"", code=1)
        equal(found["lists"]["a"]["reason"], "stopped")
        equal(found["image"]["result"], "failed")
        web.pages["/a"].gate = None
        found = house.run()
        equal(found["lists"]["a"]["transfer"]["resumed_at"], len(text) // 2)
        equal(house.read("lists/a.txt"), text.encode())


@test
def test_killed():
    """A run that is killed leaves what has come, and the next one goes on from there"""
    with Web() as web, temporary_folder() as folder:
        text = text_of("a", 60000)
        gate = threading.Event()
        web.pages["/a"] = Page(text, etag='"1"', gate=gate)
        house = House(folder, {"a": web.url("/a")})
        process = house.start()
        part = os.path.join(house.state, "lists/a.part")
        wait_for_part(process, part, len(text) // 2)
        process.kill()
        process.communicate()
        gate.set()
        equal(house.files(), ["a.part", "a.part-seen"])
        web.pages["/a"], sent = Page(text, etag='"1"'), len(text) // 2
        transfer = house.run("--tries", "1")["lists"]["a"]["transfer"]
        equal((transfer["resumed_at"], transfer["bytes"]), (sent, len(text) - sent))
        equal(web.pages["/a"].sent, len(text) - sent)
        equal(house.read("lists/a.txt"), text.encode())
        equal(house.files(), ["a.seen", "a.txt"])


@test
def test_killed_at_the_end():
    """All had come when the run was killed, or the machine was started anew since: it is sent whole, in one try"""
    for boot in "same", "another":
        with Web() as web, temporary_folder() as folder:
            text = text_of("a", 40000)
            web.pages["/a"] = Page(text, etag='"1"', break_at=len(text) - 1, breaks=1)
            house = House(folder, {"a": web.url("/a")})
            house.run("--tries", "1", code=1)
            with open("/proc/sys/kernel/random/boot_id") as f:
                boot_id = f.read(8) if boot == "same" else "00000000"
            with open(os.path.join(house.state, "lists/a.part"), "a") as f:
                f.write("\n")
            with open(os.path.join(house.state, "lists/a.part-seen"), "a") as f:
                f.write("boot " + boot_id)
            transfer = house.run("--tries", "1")["lists"]["a"]["transfer"]
            equal((transfer["resumed_at"], transfer["tries"], transfer["bytes"]), (0, 1, len(text)))
            equal("Range" in web.asked("/a")[1], boot == "same")
            equal(house.read("lists/a.txt"), text.encode())


@test
def test_stale_parts():
    """Parts of lists that are downloaded no more are removed"""
    with Web() as web, temporary_folder() as folder:
        web.pages["/a"] = Page(text_of("a"), break_at=100, breaks=9, etag='"1"')
        web.pages["/b"] = Page(text_of("b"))
        house = House(folder, {name: web.url("/a") for name in ("gone", "own", "moved")} | {"b": web.url("/b")})
        house.run("--tries", "1", code=3)
        equal(len([name for name in house.files() if ".part" in name]), 6)
        own = os.path.join(folder, "own.txt")
        with open(own, "w") as f:
            f.write("own.example\n")
        house.configure({"own": own, "moved": web.url("/b"), "b": web.url("/b")})
        house.run("b", code=3)
        equal([name for name in house.files() if ".part" in name], ["moved.part", "moved.part-seen"])
        house.run()
        equal([name for name in house.files() if ".part" in name], [])


# --- more than one try ---

@test
def test_tries():
    """Busy servers are asked again, and those that say no are not"""
    with Web() as web, temporary_folder() as folder:
        statuses = {"busy": 503, "many": 429, "gone": 410, "none": 404, "forbidden": 403}
        for name, status in statuses.items():
            web.pages["/" + name] = Page("x", status=status, headers=[("Retry-After", "1")])
        web.pages["/later"] = Page("x", status=503, headers=[("Retry-After", "86400")])
        lists = list(statuses) + ["later"]
        house = House(folder, {name: web.url("/" + name) for name in lists})
        found = house.run("--tries", "2", code=1)
        equal({name: len(web.asked("/" + name)) for name in lists},
              {"busy": 2, "many": 2, "gone": 1, "none": 1, "forbidden": 1, "later": 1})
        assert "86400" in found["lists"]["later"]["reason"], found["lists"]["later"]


# --- side by side ---

@test
def test_slow_ones():
    """Two slow lists of ten hold nobody up"""
    with Web() as web, temporary_folder() as folder:
        gate = threading.Event()
        names = names_of(10)
        for name in names:
            web.pages["/" + name] = Page(text_of(name), gate=gate if name in names[:2] else None)
        house = House(folder, {name: web.url("/" + name) for name in names})
        process = house.start("--timeout", "10m")
        lines = Lines(process.stderr)
        lines.wait(r"^\[8/10\] ")  # with the slow ones still at their first half
        equal(sorted(re.findall(r"\[\d+/10\] (\w+): updated", "\n".join(lines.all()))), sorted(names[2:]))
        for name in names[2:]:
            equal(house.read("lists/%s.txt" % name), text_of(name).encode())
        assert process.poll() is None
        gate.set()
        found = house.report(process.wait(WAIT_SECONDS), process.stdout.read(), b"")
        equal(set(house.results(found).values()), {"updated"})
        equal(found["image"]["rules"], 20000)


@test
def test_parallel():
    """No more at once than asked for"""
    with Web() as web, temporary_folder() as folder:
        gate = threading.Event()
        for name in names_of(6):
            web.pages["/" + name] = Page(text_of(name), gate=gate)
        house = House(folder, {name: web.url("/" + name) for name in names_of(6)})
        process = house.start("--timeout", "10m", "--parallel", "3")
        wait_until(web.changed, lambda: len(web.requests) >= 3, "three requests")
        parts = [os.path.join(house.state, "lists/list%d.part" % i) for i in range(3)]
        for part in parts:
            wait_for_part(process, part, 1)
        equal(len(web.requests), 3)
        gate.set()
        house.report(process.wait(WAIT_SECONDS), process.stdout.read(), b"")


# --- redirects, and whose addresses ---

def zone(*names, address="127.0.0.1"):
    """An upstream that knows these names, A only."""
    def handler(ask):
        name = ask.name.lower().rstrip(".")
        if name in names and ask.query.question[0].rdtype == 1:
            return reply_to(ask.query, "%s 60 IN A %s" % (ask.name, address))
        return reply_to(ask.query, rcode=0 if name in names else 3)
    return handler


@test
def test_redirects():
    """Redirects: each host is asked for at the upstream; five at most"""
    with Web() as web, FakeUpstream(zone("one.test", "two.test", "three.test")) as upstream, \
            temporary_folder() as folder:
        web.pages["/1"] = web.url("/2", "two.test")
        web.pages["/2"] = web.url("/3", "three.test")
        web.pages["/3"] = Page("listed.example\n", etag='"1"')
        house = House(folder, {"a": web.url("/1", "one.test")}, upstream.address)
        found = house.run()["lists"]["a"]
        equal((found["result"], found["transfer"]["redirects"]), ("updated", 2))
        equal(found["transfer"]["resolved_by_system"], False)
        for name in "one.test", "two.test", "three.test":
            assert upstream.asked(name), name
        equal([fields["Host"] for _, fields in web.requests],
              ["%s:%d" % (name, web.port) for name in ("one.test", "two.test", "three.test")])
        found = house.run()["lists"]["a"]  # the validators are of the last one
        equal((found["result"], found["transfer"]["from_cache"]), ("unchanged", True))
        equal([("If-None-Match" in fields) for _, fields in web.requests[3:]], [False, False, True])
        for i in range(5):
            web.pages["/chain%d" % i] = "/chain%d" % (i + 1)
        web.pages["/chain5"] = Page("listed.example\n")
        house.configure({"a": web.url("/chain0", "one.test")})
        equal(house.results(house.run()), {"a": "unchanged"})
        web.pages["/chain5"] = "/chain6"
        web.pages["/chain6"] = Page("listed.example\n")
        assert "redirects" in house.run(code=3)["lists"]["a"]["reason"]


@test
def test_dead_upstream():
    """Where the upstream has no address the system is asked, and that is said"""
    host = socket.gethostname()
    try:
        web = Web(socket.gethostbyname(host))
    except OSError as why:
        raise Skip("this machine has no name of its own: %s" % why)
    with web, FakeUpstream(zone()) as upstream, temporary_folder() as folder:
        web.pages["/a"] = Page("listed.example\n")
        house = House(folder, {"a": web.url("/a", host)}, upstream.address)
        found = house.run()["lists"]["a"]
        equal((found["result"], found["transfer"]["resolved_by_system"]), ("updated", True))
        assert upstream.asked(host) and "asking the system's resolver" in house.err, house.err


@test
def test_literal_addresses():
    """Nobody is asked for literal addresses and localhost"""
    with Web() as web, FakeUpstream(zone()) as upstream, temporary_folder() as folder:
        web.pages["/a"] = Page("listed.example\n")
        house = House(folder, {"a": web.url("/a"), "b": web.url("/a", "localhost")}, upstream.address)
        equal(set(house.results(house.run()).values()), {"updated"})
        equal(upstream.asked(), [])


@test
def test_cut_answer():
    """An answer cut over UDP is asked for over TCP"""
    def handler(ask):
        if ask.transport == "udp":
            return reply_to(ask.query, flags=0x0200)
        return zone("one.test")(ask)

    with Web() as web, FakeUpstream(handler) as upstream, temporary_folder() as folder:
        web.pages["/a"] = Page("listed.example\n")
        house = House(folder, {"a": web.url("/a", "one.test")}, upstream.address)
        equal(house.results(house.run()), {"a": "updated"})
        assert upstream.asked("one.test", "tcp")


@test
def test_blocked_publisher():
    """quell is the system's resolver and blocks the publisher: the update works"""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"],
                                                         stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("/etc/resolv.conf cannot be replaced for one program here (a chroot?)")
    namespace = Namespace()
    namespace.ip("addr add 192.168.53.1/32 dev lo")
    with contextlib.ExitStack() as stack:
        stack.callback(namespace.close)
        folder = stack.enter_context(temporary_folder())
        with namespace:
            upstream = stack.enter_context(FakeUpstream(zone("lists.test")))
            web = stack.enter_context(Web())
        web.pages["/a"] = Page("lists.test\n", etag='"1"')
        stack.enter_context(Quelld([upstream], ["lists.test\n"], port=53, namespace=namespace))
        resolv = os.path.join(folder, "resolv.conf")
        with open(resolv, "w") as f:
            f.write("nameserver 127.0.0.1\noptions timeout:2 attempts:1\n")

        def run(house, code):
            script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
            with namespace:
                done = subprocess.run(["unshare", "-m", "sh", "-c", script, resolv] + house.command("--tries", "1"),
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      timeout=WAIT_SECONDS * 2)
            return house.report(done.returncode, done.stdout, done.stderr, code)

        house = House(folder, {"a": web.url("/a", "lists.test")}, upstream.address)
        equal(house.results(run(house, 0)), {"a": "updated"})
        # With no upstream but itself it has to ask the system, which is quell.
        house = House(os.path.join(folder), {"b": web.url("/a", "lists.test")}, None)
        found = run(house, 1)
        assert "there is no upstream" in house.err, house.err
        assert "resolve" in found["lists"]["b"]["reason"], found["lists"]["b"]


@test
def test_redirect_into_the_house():
    """A host of the internet leads to no address of the own network, by whatever name; one of the own network may"""
    namespace = Namespace()
    for address in "203.0.113.1", "203.0.113.2", "192.168.53.1":
        namespace.ip("addr add %s/32 dev lo" % address)
    namespace.ip("addr add 2001:db8::1/128 dev lo nodad")

    def asked(ask):
        inner = ask.name.startswith("inner")
        return zone(ask.name.rstrip("."), address="192.168.53.1" if inner else "203.0.113.2")(ask)

    with contextlib.ExitStack() as stack:
        stack.callback(namespace.close)
        folder = stack.enter_context(temporary_folder())
        with namespace:
            upstream = stack.enter_context(FakeUpstream(asked))
            outside = [stack.enter_context(Web(address)) for address in ("203.0.113.1", "203.0.113.2")]
            router, local = [stack.enter_context(Web(address)) for address in ("192.168.53.1", "127.0.0.1")]
        for web in outside + [router, local]:
            web.pages["/list"] = Page("listed.example\n")

        def run(house, code=0):
            with namespace:
                return house.run("--tries", "2", code=code)

        def url(web, path="/list"):
            return web.url(path, web.server_address[0])

        start = url(outside[0], "/start")
        house = House(folder, {"good": url(router), "a": start}, upstream.address)
        for target in (url(router, "/reboot"), url(local), local.url("/list", "localhost"), router.url("/list", "inner.test"),
                       "http://0.0.0.0:%d/list" % local.port, "http://127.1:%d/list" % local.port,
                       "http://[::ffff:127.0.0.1]:%d/list" % local.port, "http://[::1]:22/"):
            outside[0].pages["/start"] = target
            outside[1].pages["/again"] = target
            for web in router, local:
                web.requests.clear()
            for first in target, url(outside[1], "/again"):  # at once, and after another one
                outside[0].pages["/start"] = first
                found = run(house, 3)["lists"]
                assert "from the internet to" in found["a"]["reason"], (target, found["a"])
                equal(found["a"]["transfer"]["tries"], 1)
            equal([path for path, _ in router.requests + local.requests], ["/list"] * 2, target)  # of the good one
        outside[0].pages["/start"] = outside[1].url("/list", "outer.test")
        equal(house.results(run(house))["a"], "updated")
        house.configure({"a": url(router, "/start")})
        router.pages["/start"] = url(local)
        equal(run(house)["lists"]["a"]["transfer"]["redirects"], 1)


# --- a hostile publisher ---

class Raw:
    """Bytes to be sent as they are, head and all."""

    def __init__(self, *parts):
        self.parts = parts

    def answer(self, h):
        for part in self.parts:
            h.wfile.write(part)


def endless(field):
    for _ in range(1 << 20):
        yield field


BODY = b"evil.example\n"
HOSTILE = {
    "an ETag of 1 MB": (Raw(b"HTTP/1.1 200 OK\r\nETag: \"", b"x" * 1000000, b"\"\r\nContent-Length: 13\r\n\r\n", BODY),
                        "header"),
    "fields without end": (Raw(b"HTTP/1.1 200 OK\r\n", *endless(b"X-Field: " + b"x" * 50 + b"\r\n")), "header"),
    "interim responses without end": (Raw(*endless(b"HTTP/1.1 100 Continue\r\nX-Field: 1\r\n\r\n")), "header"),
    "fields behind the body without end": (
        Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n", BODY, b"\r\n0\r\n",
            *endless(b"X-Field: 1\r\n")), "header"),
    "more announced than sent": (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1300\r\n\r\n", BODY), "broke off"),
    "a negative length": (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", BODY), "Content-Length"),
    "a bad chunk": (Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", BODY), ""),
    "no packed body": (Raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", BODY), "encoding"),
    "half a packed body": (Raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2000\r\n\r\n",
                               gzip.compress(text_of("evil").encode())[:999]), "broke off"),
    "a bomb": (Raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"evil.example\n" * 2000000)),
               "larger than 10.5 MB"),
    "a bomb in a bomb": (Raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n",
                             gzip.compress(gzip.compress(b"evil.example\n" * 2000000))), "larger than 10.5 MB"),
    "a range nobody asked for": (Raw(b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-12/13\r\n"
                                     b"Content-Length: 13\r\n\r\n", BODY), "206"),
    "unchanged, of what was not asked": (Raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "304"),
    "a redirect to itself": ("/evil", "more than 5 redirects"),
    "a redirect to a file": ("file:///etc/passwd", "a redirect leads to file:"),
    "a redirect elsewhere": ("gopher://127.0.0.1:22/_x", "a redirect leads to gopher:"),
    "a redirect to nowhere": ("http://[:::/", "a redirect leads nowhere"),
    "a redirect with a terminal's words": ("ftp://x/\x1b[31m", "a redirect"),
    "a line of 9 MB": (Page("x" * 9000000 + "\n"), "does not look like a list"),
}


@test
def test_hostile():
    """Whatever a publisher sends: bounded, said, and the old list stays"""
    with Web() as web, temporary_folder() as folder:
        house = House(folder, {"a": web.url("/evil"), "b": web.url("/good")})
        web.pages.update({"/evil": Page("old.example\n"), "/good": Page("good.example\n", etag='"1"')})
        house.run()
        before = house.times()
        for name, (page, reason) in HOSTILE.items():
            web.pages["/evil"] = page
            found = house.run("--max-size", "10M", "--tries", "1", code=3)["lists"]
            equal((found["a"]["result"], found["b"]["result"]), ("kept old", "unchanged"), name)
            assert reason in found["a"]["reason"] and found["a"]["reason"], "%s: %s" % (name, found["a"]["reason"])
            assert found["a"]["reason"].isprintable(), found["a"]["reason"]
            equal({path: times for path, times in house.times().items() if os.path.isfile(path)},
                  {path: times for path, times in before.items() if os.path.isfile(path)}, name)


@test
def test_long_line():
    """A line of 100 MB among others is one bad line"""
    with Web() as web, temporary_folder() as folder:
        web.pages["/a"] = Page(text_of("a") + "x" * (100 << 20) + "\nlast.example\n")
        house = House(folder, {"a": web.url("/a")})
        found = house.run("--max-size", "200M")["lists"]["a"]
        equal((found["rules"], found["bad_lines"], found["first_bad_line"]), (2001, 1, 2001))
        assert len(found["first_bad_text"]) < 100
        equal(house.run("--max-size", "100M", code=3)["lists"]["a"]["result"], "kept old")


@test
def test_odd_etags():
    """ETags of any kind are kept as they are, or not at all; none of them adds a field or a line"""
    tags = ['"a b"', '"\\"', '""', "unquoted", '"%s"' % ("x" * 300), "\t", '"\xe4"', 'W/"', '"a\rX-Evil: 1"', '"#"', '"1", "2"']
    for tag in tags:
        with Web() as web, temporary_folder() as folder:
            web.pages["/a"] = Raw(b"HTTP/1.1 200 OK\r\nETag: " + tag.encode("latin-1") +
                                  b"\r\nContent-Length: 10\r\n\r\na.example\n")
            house = House(folder, {"a": web.url("/a")})
            for _ in range(2):
                found = house.run()["lists"]["a"]
            equal(found["result"], "unchanged")
            assert not [field for fields in web.asked("/a") for field in fields if "Evil" in field], tag
            asked = web.asked("/a")[-1].get("If-None-Match")
            equal(asked, tag if tag in tags[:4] + ['"#"', '"\xe4"'] else None)


@test
def test_other_bytes():
    """Other bytes than those that were asked for are not put behind the others"""
    text = text_of("a", 20000).encode()
    rest = text[100000:]
    for fields in ("bytes 99999-%d/%d" % (len(text) - 1, len(text)), "bytes 100000-99999/5", "bytes */%d" % len(text),
                   "bytes -5-10/20", "lines 100000-%d/%d" % (len(text) - 1, len(text)), "bytes 100000", "",
                   "bytes 18446744073709651616-%d/%d" % (len(text) - 1, len(text))):
        with Web() as web, temporary_folder() as folder:
            web.pages["/a"] = Page(text, etag='"1"', break_at=100000, breaks=1)
            house = House(folder, {"a": web.url("/a")})
            house.run("--tries", "1", code=1)
            wrong = Raw(b"HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\nContent-Range: " + fields.encode() +
                        b"\r\nContent-Length: %d\r\n\r\n" % len(rest), b"x" * len(rest))
            good = Page(text, etag='"1"')
            web.pages["/a"] = type("Both", (), {"answer": lambda self, h, wrong=wrong, good=good:
                                                (wrong if "Range" in h.headers else good).answer(h)})()
            found = house.run("--tries", "1")
            equal((found["lists"]["a"]["result"], found["lists"]["a"]["transfer"]["tries"]), ("updated", 1), fields)
            equal(house.read("lists/a.txt"), text)


# --- a clumsy user ---

@test
def test_one_url_twice():
    """Two lists of one URL are two lists"""
    with Web() as web, temporary_folder() as folder:
        web.pages["/a"] = Page(text_of("a"), etag='"1"')
        house = House(folder, {"one": web.url("/a"), "two": (web.url("/a"), "match = exact")})
        equal(set(house.results(house.run()).values()), {"updated"})
        found = house.run()
        equal(set(house.results(found).values()), {"unchanged"})
        equal(found["image"]["rules"], 4000)
        equal(house.files(), ["one.seen", "one.txt", "two.seen", "two.txt"])


@test
def test_configuration_changed_meanwhile():
    """A configuration that is changed while a run lasts counts for the next one"""
    with Web() as web, temporary_folder() as folder:
        gate = threading.Event()
        web.pages.update({"/a": Page(text_of("a"), gate=gate), "/b": Page("b.example\n")})
        house = House(folder, {"a": web.url("/a")})
        process = house.start("--timeout", "10m")
        wait_for_part(process, os.path.join(house.state, "lists/a.part"), 1)
        house.configure({"b": web.url("/b")})
        second = house.start()
        out, err = second.communicate()
        equal((second.returncode, out), (1, b""))
        assert b"another run holds the lock: process %d" % process.pid in err, err
        with open(house.conf, "w") as f:
            f.write("nonsense {\n")
        gate.set()
        found = house.report(process.wait(WAIT_SECONDS), process.stdout.read(), b"")
        equal(house.results(found), {"a": "updated"})
        house.configure({"b": web.url("/b")})
        found = house.run()
        equal((house.results(found), found["image"]["rules"]), ({"b": "updated"}, 1))


@test
def test_state_of_another_user():
    """The state folder of another user: root works as that user, and anybody else is told"""
    if os.geteuid() != 0:
        raise Skip("only root can be somebody else")
    with Web() as web, temporary_folder() as folder:
        os.chmod(folder, 0o777)
        web.pages["/a"] = Page(text_of("a"), etag='"1"')
        house = House(folder, {"a": web.url("/a")})
        os.mkdir(house.state, 0o755)
        os.chown(house.state, 12345, 54321)
        house.run()
        web.pages["/a"] = Page(text_of("b"), etag='"2"')
        house.run()
        for path, _, names in os.walk(house.state):
            for name in [path] + [os.path.join(path, name) for name in names]:
                st = os.stat(name)
                equal((st.st_uid, st.st_gid), (12345, 54321), name)
        try:
            done = subprocess.run(house.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, user=12346, group=12346, extra_groups=[])
        except PermissionError as why:
            raise Skip(str(why))
        equal((done.returncode, done.stdout), (1, b""))
        assert house.state.encode() in done.stderr and b"Permission denied" in done.stderr, done.stderr


@test
def test_planted_links():
    """What is written in the state folder is not written through links"""
    with Web() as web, temporary_folder() as folder:
        victim = os.path.join(folder, "victim")
        with open(victim, "w") as f:
            f.write("precious\n")
        web.pages["/a"] = Page(text_of("a"), etag='"1"')
        house = House(folder, {"a": web.url("/a")})
        for name in "update.lock", "image.tmp", "lists/a.part", "lists/a.part-seen", "lists/a.seen.tmp", "lists/a.txt":
            shutil.rmtree(house.state, ignore_errors=True)
            os.makedirs(os.path.join(house.state, "lists"))
            os.symlink(victim, os.path.join(house.state, name))
            done = subprocess.run(house.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=WAIT_SECONDS)
            with open(victim) as f:
                equal(f.read(), "precious\n", "%s: %s" % (name, done.stderr.decode()))


# --- on this machine ---

@test
def test_odd_files():
    """Files with odd names are read; pipes, devices and sockets are said or passed over, and never waited for"""
    with temporary_folder() as folder:
        own = os.path.join(folder, "own lists \u00e4\u4e2d 'x'")
        os.mkdir(own)
        for name in "a b", "\u00fc", "line\nbreak":
            with open(os.path.join(own, name), "w") as f:
                f.write("%d.example\n" % len(name))
        os.mkdir(os.path.join(own, "folder"))
        with open(os.path.join(own, "folder", "inner"), "w") as f:
            f.write("inner.example\n")
        with open(os.path.join(folder, "elsewhere"), "w") as f:
            f.write("linked.example\n")
        os.symlink("../elsewhere", os.path.join(own, "link"))
        os.symlink(own, os.path.join(own, "loop"))
        os.mkfifo(os.path.join(own, "pipe"))
        with socket.socket(socket.AF_UNIX) as s:
            os.chdir(own)  # its path would be too long
            s.bind("socket")
            os.chdir("/")
        pipe = os.path.join(folder, "pipe")
        os.mkfifo(pipe)
        house = House(folder, {"own": own, "one": os.path.join(own, "a b"), "pipe": pipe, "device": "/dev/zero",
                               "socket": os.path.join(own, "socket")})
        found = house.run(code=3)["lists"]
        equal(house.read("lists/own.txt"), b"3.example\n10.example\nlinked.example\n1.example\n")
        equal(house.read("lists/one.txt"), b"3.example\n")
        for name in "pipe", "device", "socket":
            assert "neither a file nor a folder" in found[name]["reason"], found[name]
        os.symlink("nowhere", os.path.join(own, "dangling"))
        found = house.run("own", code=3)["lists"]["own"]
        equal(found["result"], "kept old")
        assert "dangling: No such file" in found["reason"], found

@test
def test_folder():
    """A folder of files is one list"""
    with temporary_folder() as folder:
        own = os.path.join(folder, "own")
        os.mkdir(own)
        for name, text in (("20", "two.example"), ("10", "one.example\n"), (".hidden", "hidden.example\n")):
            with open(os.path.join(own, name), "w") as f:
                f.write(text)
        os.mkdir(os.path.join(own, "30"))
        house = House(folder, {"a": own + "/", "b": "file://" + own})
        equal(set(house.results(house.run()).values()), {"updated"})
        equal(house.read("lists/a.txt"), b"one.example\ntwo.example\n")
        equal(house.read("lists/b.txt"), b"one.example\ntwo.example\n")
        watch = Watch(house.state, os.path.join(house.state, "lists"))
        equal(set(house.results(house.run()).values()), {"unchanged"})
        equal(watch.events(), [])


@test
def test_dry_run():
    """A dry run asks with the validators, and writes nothing"""
    with Web() as web, temporary_folder() as folder:
        web.pages["/a"] = Page(text_of("a"), etag='"1"')
        house = House(folder, {"a": web.url("/a")})
        house.run()
        watch = Watch(house.state, os.path.join(house.state, "lists"))
        equal(house.results(house.run("--dry-run")), {"a": "unchanged"})
        equal(web.asked("/a")[-1]["If-None-Match"], '"1"')
        web.pages["/a"] = Page(text_of("b"), etag='"2"')
        found = house.run("--dry-run")
        equal((house.results(found), found["bytes_written"], found["image"]["result"]),
              ({"a": "updated"}, 0, "not written"))
        equal(watch.events(), [])


for variable in "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY":
    os.environ.pop(variable, None)
main()
