#!/usr/bin/python3
"""quell-update end to end: a local web server that behaves and misbehaves, a fake quelld, a full disk,
and kills at random moments.  Prints TAP.  TEST_SEED repeats a run of random kills."""

import fcntl
import gzip
import http.server
import json
import lzma
import os
import pty
import random
import re
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

BUILD = os.environ.get("top_builddir", ".")
SOURCE = os.environ.get("top_srcdir", ".")
WRAPPER = os.environ.get("QUELL_WRAPPER", "").split()  # valgrind and its options
UPDATE = WRAPPER + [os.path.join(BUILD, "quell-update")]
WAIT_S = 120  # for what must come; a test that waits so long has failed


# --- a web server whose pages are functions ---

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers)))
        page = self.server.pages.get(self.path)
        self.close_connection = True
        if page is None:
            self.send_error(404)
            return
        try:
            page(self)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def head(self, status, **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *args):
        pass


class Web(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.pages = {}
        self.requests = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.server_address[1], path)

    def handle_error(self, *args):
        pass


def text_page(text):
    body = text.encode()

    def page(h):
        h.head(200, Content_Length=len(body))
        h.wfile.write(body)
    return page


def status_page(status):
    def page(h):
        body = b"0.0.0.0 from-an-error-page.example\n"
        h.head(status, Content_Length=len(body))
        h.wfile.write(body)
    return page


def redirect_page(to):
    def page(h):
        h.head(302, Location=to, Content_Length=0)
    return page


# --- one state folder, one configuration ---

class Place:
    def __init__(self, name):
        self.dir = os.path.join(TOP, name)
        self.state = os.path.join(self.dir, "state")
        self.conf = os.path.join(self.dir, "quell.conf")
        self.control = os.path.join(self.dir, "control")
        self.lists = []
        os.makedirs(self.dir)
        self.configure()

    def configure(self, **lists):
        """name="http://..." or name="file ..." or name=("http...", "more options")"""
        with open(self.conf, "w") as f:
            f.write('state_dir = "%s"\ncontrol = "%s"\n' % (self.state, self.control))
            for name, source in lists.items():
                source, more = source if isinstance(source, tuple) else (source, "")
                kind = "url" if "://" in source else "file"
                f.write('list "%s" {\n %s = "%s"\n %s\n}\n' % (name, kind, source, more))

    def start(self, *args, **kwargs):
        command = UPDATE + ["run", "-c", self.conf, "--timeout", "1s", "--tries", "1"] + list(args)
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(command, **kwargs)

    def run(self, *args, code=0, **kwargs):
        p = self.start(*args, **kwargs)
        out, err = p.communicate(timeout=WAIT_S)
        out = out.decode()
        check(p.returncode == code, "exit %d, not %d:\n%s%s" % (p.returncode, code, out,
                                                                err.decode()))
        self.err = err.decode()
        return out

    def path(self, name):
        return os.path.join(self.state, name)

    def image(self):
        return read(self.path("image"))

    def dump(self):
        return tool("dump", self.path("image")).splitlines()

    def kept(self, name):
        return read(self.path("lists/%s.txt" % name))

    def leftovers(self):
        return [f for _, _, files in os.walk(self.state) for f in files if ".tmp" in f]

    def identity(self):
        """inode, time and bytes of all that matters"""
        found = {}
        for dir, _, files in os.walk(self.state):
            for f in files:
                if f != "update.lock":
                    path = os.path.join(dir, f)
                    st = os.stat(path)
                    found[path] = (st.st_ino, st.st_mtime_ns, read(path))
        return found


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def tool(*args, code=0):
    p = subprocess.run(UPDATE + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=WAIT_S)
    check(p.returncode == code, "%s: exit %d, not %d:\n%s%s" % (
        args, p.returncode, code, p.stdout.decode(), p.stderr.decode()))
    return (p.stdout if code == 0 else p.stderr).decode()


class Failed(Exception):
    pass


class Skip(Exception):
    pass


def check(condition, text="it is not so"):
    if not condition:
        raise Failed(text)


def equal(found, wanted):
    check(found == wanted, "found %.2000r\nwanted %.2000r" % (found, wanted))


def has(text, *parts):
    for part in parts:
        check(part in text, "there is no %r in\n%s" % (part, text))


# --- the good days ---

def test_two_lists():
    place = Place("two")
    web.pages["/h"] = text_page("# a list\n127.0.0.1 localhost\n0.0.0.0 Ads.Example.com x.org\n")
    web.pages["/d"] = text_page("example.com\r\nx.org\r\n")
    place.configure(hosts=web.url("/h"), domains=web.url("/d"))
    out = place.run()
    equal(place.dump(), ["0 exact ads.example.com", "0 exact x.org", "1 suffix example.com",
                         "1 suffix x.org"])
    has(out, "hosts: updated, 2 rules", "domains: updated, 2 rules", "image: written, 4 rules",
        "quelld: not running")
    equal(sorted(re.findall(r"\[[12]/2\] (\w+): updated, ", place.err)), ["domains", "hosts"])
    equal(place.kept("domains"), b"example.com\r\nx.org\r\n")
    equal(os.stat(place.path("image")).st_mode & 0o777, 0o644)
    equal(os.stat(place.path("lists")).st_mode & 0o777, 0o755)
    equal(place.leftovers(), [])


def test_unchanged_writes_nothing():
    place = Place("unchanged")
    web.pages["/u"] = text_page("example.com\n")
    place.configure(a=web.url("/u"))
    place.run()
    before = place.identity()
    out = place.run()
    equal(place.identity(), before)
    has(out, "a: unchanged, 1 rules", "image: unchanged")
    check("quelld" not in out, out)


def test_previous_image_is_kept():
    place = Place("previous")
    images = []
    for text in "one.example\n", "two.example\n", "three.example\n":
        web.pages["/p"] = text_page(text)
        place.configure(a=web.url("/p"))
        place.run()
        images.append(place.image())
    equal(read(place.path("image.previous")), images[1])
    with open(place.path("image"), "wb") as f:
        f.write(b"no image")
    place.run()
    equal(place.image(), images[2])
    equal(read(place.path("image.previous")), images[1])


def test_force_writes_again():
    place = Place("force")
    web.pages["/f"] = text_page("example.com\n")
    place.configure(a=web.url("/f"))
    place.run()
    before = place.image(), os.stat(place.path("image")).st_ino
    inode = os.open(place.path("image"), os.O_RDONLY)  # so that its number is not used again
    out = place.run("--force")
    os.close(inode)
    has(out, "image: written")
    equal(place.image(), before[0])
    check(os.stat(place.path("image")).st_ino != before[1])


def test_dry_run_writes_nothing():
    place = Place("dry")
    web.pages["/y"] = text_page("example.com\n")
    place.configure(a=web.url("/y"))
    has(place.run("--dry-run"), "a: updated, 1 rules", "image: not written, 1 rules")
    check(not os.path.exists(place.state))
    place.run()
    before = place.identity()
    web.pages["/y"] = text_page("example.com\nexample.org\n")
    has(place.run("--dry-run"), "a: updated, 2 rules", "image: not written, 2 rules")
    equal(place.identity(), before)
    web.pages["/y"] = status_page(500)
    has(place.run("--dry-run", code=3), "a: kept old", "500")
    equal(place.identity(), before)


def test_only_named_lists():
    place = Place("named")
    web.pages["/a"] = text_page("a.example\n")
    web.pages["/b"] = text_page("b.example\n")
    place.configure(a=web.url("/a"), b=web.url("/b"))
    place.run()
    web.pages["/a"] = text_page("new-a.example\n")
    web.pages["/b"] = text_page("new-b.example\n")
    out = place.run("b")
    has(out, "a: not asked for, 1 rules", "b: updated")
    equal(place.dump(), ["0 suffix a.example", "1 suffix new-b.example"])
    before = place.identity()
    place.run("c", code=2)
    has(place.err, "there is no list c")
    equal(place.identity(), before)


def test_id_of_a_list_without_copy():
    place = Place("ids")
    web.pages["/2"] = text_page("example.com\n")
    place.configure(a=web.url("/not-there"), b=web.url("/2"))
    out = place.run(code=3)
    has(out, "a: left out: the server answered 404", web.url("/not-there"))
    equal(place.dump(), ["1 suffix example.com"])


def test_local_files():
    place = Place("files")
    write(os.path.join(place.dir, "own.txt"), "own.example\n")
    other = write(os.path.join(place.dir, "other.txt"), "0.0.0.0 other.example\n")
    place.configure(own="own.txt", other=other, third="file://" + other)
    place.run()
    wanted = ["0 suffix own.example", "1,2 exact other.example"]
    equal(place.dump(), wanted)
    equal(place.kept("own"), b"own.example\n")
    os.remove(os.path.join(place.dir, "own.txt"))
    has(place.run(code=3), "own: kept old, 1 rules", "No such file", "own.txt")
    equal(place.dump(), wanted)
    write(os.path.join(place.dir, "own.txt"), "# nothing for now\n")
    has(place.run(), "own: updated, 0 rules")
    equal(place.dump(), wanted[1:])


def test_syntax_and_match_options():
    place = Place("options")
    web.pages["/o"] = text_page("0.0.0.0 example.com\n")
    for match in "exact", "suffix", "below":
        place.configure(a=(web.url("/o"), "match = " + match))
        place.run()
        equal(place.dump(), ["0 %s example.com" % match])
    before = place.identity()
    place.configure(a=(web.url("/o"), "syntax = domains"))
    has(place.run(code=1), "a: left out: line 1: ")  # these lines are of hosts
    equal(place.identity(), before)
    place.configure(a=(web.url("/o"), "syntax = nonsense"))
    place.run(code=2)
    has(place.err, "list a", "nonsense")


def test_gzip_transfer():
    place = Place("gzip")
    body = gzip.compress("".join("name%d.example\n" % i for i in range(1000)).encode())

    def page(h):
        check("gzip" in h.headers.get("Accept-Encoding", ""))
        h.head(200, Content_Encoding="gzip", Content_Length=len(body))
        h.wfile.write(body)
    web.pages["/z"] = page
    place.configure(a=web.url("/z"))
    place.run()
    equal(len(place.dump()), 1000)


def test_redirect():
    place = Place("redirect")
    web.pages["/to"] = text_page("example.com\n")
    web.pages["/from"] = redirect_page("/to")
    place.configure(a=web.url("/from"))
    place.run()
    equal(place.dump(), ["0 suffix example.com"])


def test_bad_lines_are_reported():
    place = Place("bad-lines")
    text = "good.example\n" * 20 + 'a "bad" \x1b[31mline\\\nother.example\n!!\tworse\x00\n'
    web.pages["/bad"] = text_page(text)
    place.configure(a=web.url("/bad"))
    out = place.run()
    has(out, "bad lines (the first is line 21: \"a \"bad\" \\x1b[31mline\\\")")
    check("\x1b" not in out)
    found = json.loads(place.run("--json"))["lists"][0]
    equal(found["first_bad_line"], 21)
    equal(found["first_bad_text"], 'a "bad" \\x1b[31mline\\')
    equal(found["bytes"], len(text))
    equal(found["lines"], 23)
    equal(found["rules"], 21)


def test_left_out_is_counted():
    place = Place("left-out")
    text = ("||a.example^\n||b.example^\nsite.example##.ad\n||c.example^$client=laptop\n||d.example^$script\n"
            "||e.example^$dnsrewrite=192.0.2.1\n@@||b.example^\n")
    web.pages["/adblock"] = text_page(text)
    place.configure(a=web.url("/adblock"))
    out = place.run()
    has(out, "3 rules", "; left out: ", " (a rule for browsers)")
    found = json.loads(place.run("--json"))["lists"][0]
    equal({key: found[key] for key in ("rules", "bad_lines", "rewrites_left_out", "browser_rules", "client_rules")},
          {"rules": 3, "bad_lines": 0, "rewrites_left_out": 1, "browser_rules": 2, "client_rules": 1})
    equal(place.dump(), ["0 suffix a.example", "0 suffix b.example", "0 suffix b.example allow"])


def test_options_of_a_list():
    place = Place("list-options")
    lines = "address=/nas.example/192.0.2.1\naddress=/ads.example/\n"
    web.pages["/d"] = text_page(lines)
    place.configure(a=web.url("/d"), b=(web.url("/d"), "syntax = dnsmasq\n trust = rewrite\n match = exact"))
    place.run()
    equal(place.dump(), ["0 suffix ads.example", "1 exact ads.example answer nearest rcode=NXDOMAIN",
                         "1 exact nas.example answer nearest types=A A=192.0.2.1"])


def test_json():
    place = Place("json")
    web.pages["/j"] = text_page("example.com\n")
    place.configure(a=web.url("/j"), b=web.url("/no"))
    found = json.loads(place.run("--json", code=3))
    equal(found["exit"], 3)
    equal([x["name"] for x in found["lists"]], ["a", "b"])
    equal([x["result"] for x in found["lists"]], ["updated", "left out"])
    equal(found["lists"][1]["origin"], web.url("/no"))
    has(found["lists"][1]["reason"], "404")
    equal(found["image"]["result"], "written")
    equal(found["image"]["bytes"], len(place.image()))
    equal(found["quelld"]["result"], "not running")


def test_progress_on_a_terminal():
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        raise Skip("no terminal is to be had (is /dev/pts mounted?): %s" % error)
    place = Place("progress")
    go_on = threading.Event()

    def page(h):
        h.head(200, Content_Length=24)
        h.wfile.write(b"example.com\n")
        h.wfile.flush()
        go_on.wait(WAIT_S)
        h.wfile.write(b"example.org\n")
    web.pages["/slow"] = page
    place.configure(a=web.url("/slow"))
    p = place.start("--timeout", "100s", stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while b"  50 %" not in seen:
            more = os.read(ours, 4096)
            check(more, "the progress ended with %r" % seen)
            seen += more
    finally:
        go_on.set()
        out = p.communicate(timeout=WAIT_S)[0].decode()
        os.close(ours)
    has(seen.decode(), "a  ", " B  ", "B/s")
    equal(p.returncode, 0)
    has(out, "a: updated, 2 rules")


class Screen:
    """A terminal of so many rows, as far as lines that are drawn, wiped and drawn again need one."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.lines, self.row, self.column = [""] * rows, 0, 0
        self.gone = []  # what has scrolled away
        self.highest = 0  # lines that were there at once

    def feed(self, text):
        for word in re.findall(r"\x1b\[[A-Z]|[\r\n]|[^\r\n\x1b]+|\x1b", text):
            if word == "\r":
                self.column = 0
            elif word == "\n":
                if self.row == self.rows - 1:
                    self.gone.append(self.lines.pop(0))
                    self.lines.append("")
                else:
                    self.row += 1
            elif word == "\x1b[K":
                self.lines[self.row] = self.lines[self.row][:self.column]
            elif word == "\x1b[A":
                self.row = max(0, self.row - 1)
            else:
                check("\x1b" not in word, "a sequence that is not known here: %r" % text)
                check(self.column + len(word) < self.columns, "a line that is too long: %r" % word)
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[:self.column] + word + line[self.column + len(word):]
                self.column += len(word)
            self.highest = max(self.highest, sum(line != "" for line in self.lines))


def test_progress_of_many():
    """Eight transfers on a terminal of four rows: nothing is left of their lines"""
    if WRAPPER:
        raise Skip("%s would write on the terminal, too" % WRAPPER[0])
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        raise Skip("no terminal is to be had (is /dev/pts mounted?): %s" % error)
    rows, columns = 4, 30
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    place = Place("progress-of-many")
    go_on = threading.Event()

    def page(h):
        h.head(200, Content_Length=24)
        h.wfile.write(b"example.com\n")
        h.wfile.flush()
        go_on.wait(WAIT_S)
        h.wfile.write(b"example.org\n")
    web.pages["/slow"] = page
    place.configure(**{"a-list-with-a-very-long-name-%d" % i: web.url("/slow") for i in range(8)})
    p = place.start("--timeout", "100s", "--parallel", "8", stderr=theirs)
    os.close(theirs)
    screen, seen = Screen(rows, columns), b""
    while True:
        try:
            more = os.read(ours, 4096)
        except OSError:  # the other side has closed
            break
        if not more:
            break
        seen += more
        if seen.count(b"\x1b[A") >= 5 * (rows - 1):  # some frames
            go_on.set()
    out = p.communicate(timeout=WAIT_S)[0].decode()
    os.close(ours)
    screen.feed(seen.decode())
    equal(p.returncode, 0)
    equal(screen.highest, rows)
    equal((screen.gone, screen.lines), ([""] * len(screen.gone), [""] * rows))
    equal(len(re.findall("^a-list.*: updated, 2 rules", out, re.M)), 8)


def test_json_is_stable():
    """The report as JSON: the keys in their order, and nothing else on standard output"""
    place = Place("json-stable")
    web.pages["/j"] = text_page("example.com\nwww.example.com bad line\n" * 9 + "x.example\n" * 99)
    place.configure(a=web.url("/j"), b=web.url("/no"), own="own.txt")
    write(os.path.join(place.dir, "own.txt"), "own.example\n")
    counts = ["bytes", "lines", "rules", "bad_lines", "own_names", "rewrites_left_out", "browser_rules", "client_rules",
              "over_budget", "not_here"]
    transfer = ["from_cache", "resolved_by_system", "bytes", "resumed_at", "tries", "redirects", "ms"]
    shapes = []
    for args in [], [], ["--dry-run"], ["--force"]:
        found = json.loads(place.run("--json", *args, code=3))
        equal(list(found), ["exit", "lists", "exempted", "image", "quelld", "bytes_written"])
        equal(list(found["image"]), ["state_dir", "result", "rules", "bytes"])
        equal(list(found["quelld"]), ["result"])
        a, b, own = found["lists"]
        equal(list(a), ["name", "origin", "result"] + counts + ["first_bad_line", "first_bad_text", "transfer"])
        equal(list(b), ["name", "origin", "result", "reason", "remedy"] + counts + ["transfer"])
        equal(list(own), ["name", "origin", "result"] + counts)
        equal([list(x["transfer"]) for x in (a, b)], [transfer] * 2)
        for x in a, b:
            x["transfer"].pop("ms")
        shapes.append((a["rules"], a["bad_lines"], b, own["rules"], found["image"]["rules"]))
    equal(shapes[1:], shapes[:1] * 3)


# --- the bad days ---

def half_page(h):
    h.head(200, Content_Length=4000)
    h.wfile.write(b"example.net\n" * 100)


def half_chunked_page(h):
    h.head(200, Transfer_Encoding="chunked")
    h.wfile.write(b"c\r\nexample.net\n\r\nc\r\nexam")


def silent_page(h):
    web.silent.set()
    web.end.wait(WAIT_S)


def silent_half_page(h):
    h.head(200, Content_Length=4000)
    h.wfile.write(b"example.net\n" * 100)
    h.wfile.flush()
    web.end.wait(WAIT_S)


def endless_page(h):
    h.head(200)
    while not web.end.is_set():
        h.wfile.write(b"example.net\n" * 1000)


def announced_page(h):
    h.head(200, Content_Length=1 << 40)
    web.end.wait(WAIT_S)


def bomb_page(h):
    body = gzip.compress(b"example.net\n" * 1000000)
    h.head(200, Content_Encoding="gzip", Content_Length=len(body))
    h.wfile.write(body)


def garbage_page(h):
    h.wfile.write(b"\x00\xffthis is no HTTP\r\n" * 10)


WEB_PAGE = "<!DOCTYPE html>\n<html><body>\nwww.example.net\nlog in, please\n</body></html>\n"

FAILURES = {
    "404": (status_page(404), "the server answered 404"),
    "500": (status_page(500), "the server answered 500"),
    "204": (status_page(204), "the server answered 204"),
    "206": (status_page(206), "the server answered 206"),
    "web page": (text_page(WEB_PAGE), "web page"),
    "web page with a forced syntax": (text_page(WEB_PAGE), "web page", "syntax = domains"),
    "empty body": (text_page(""), "it is empty"),
    "comments only": (text_page("# moved\n"), "it has no rule"),
    "no list": (text_page("Dear user,\nplease pay us.\n" * 20), "line 1"),
    "half a body": (half_page, "it broke off"),
    "half a chunked body": (half_chunked_page, "it broke off"),
    "silence": (silent_page, "too slow"),
    "silence after half a body": (silent_half_page, "too slow"),
    "redirect loop": (redirect_page("/failing"), "redirects"),
    "redirect to file:": (redirect_page("file:///etc/hosts"), "file"),
    "redirect to ftp:": (redirect_page("ftp://127.0.0.1/x"), "ftp"),
    "endless body": (endless_page, "it is larger than 1.0 MB"),
    "announced too large": (announced_page, "it is larger than 1.0 MB"),
    "compressed too large": (bomb_page, "it is larger than 1.0 MB"),
    "no HTTP": (garbage_page, "HTTP"),
}


def failure_test(name, page, reason, options=""):
    def test():
        place = Place("failure-" + re.sub("[^a-z0-9]", "-", name))
        web.pages["/failing"] = text_page("old.example\n")
        web.pages["/other"] = text_page("0.0.0.0 other.example\n")
        place.configure(a=(web.url("/failing"), options), b=web.url("/other"))
        place.run()
        before = place.identity()
        web.pages["/failing"] = page
        web.end.clear()
        try:
            out = place.run("--max-size", "1000000", code=3)
            again = json.loads(place.run("--max-size", "1000000", "--json", code=3))
        finally:
            web.end.set()
        equal(place.identity(), before)
        line = [x for x in out.splitlines() if x.startswith("a: ")][0]
        has(line, "a: kept old, 1 rules", reason, "(%s)" % web.url("/failing"))
        has(again["lists"][0]["reason"], reason)
        equal(again["lists"][1]["result"], "unchanged")
        web.pages["/failing"] = text_page("new.example\n")
        place.run()
        equal(place.dump(), ["0 suffix new.example", "1 exact other.example"])
    test.__name__ = "test_old_state_stays: " + name
    return test


def test_no_list_at_all():
    place = Place("nothing")
    place.configure(a=web.url("/not-there"))
    has(place.run(code=1), "a: left out", "404", "image: failed", "no copy of any list")
    check(not os.path.exists(place.path("image")))
    equal(place.leftovers(), [])


def test_refused_connection():
    place = Place("refused")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))  # and nobody listens
        place.configure(a="http://127.0.0.1:%d/x" % s.getsockname()[1])
        has(place.run(code=1), "a: left out: ", "connect")


def test_untrusted_certificate():
    if shutil.which("openssl") is None:
        raise Skip("there is no openssl to make a certificate")
    place = Place("certificate")
    key, cert = os.path.join(place.dir, "key"), os.path.join(place.dir, "cert")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with Web(context) as secure:
        secure.pages["/x"] = text_page("example.com\n")
        place.configure(a="https://127.0.0.1:%d/x" % secure.server_address[1])
        has(place.run(code=1), "a: left out: ", "certificate")
        equal(secure.requests, [])
        secure.shutdown()


def test_file_size_limit():
    """write(2) fails in the middle of the image"""
    if WRAPPER:
        raise Skip("the limit would hit %s too" % WRAPPER[0])
    place = Place("limit")
    web.pages["/l"] = text_page("old.example\n")
    place.configure(a=web.url("/l"))
    place.run()
    before = place.identity()
    web.pages["/l"] = text_page("".join("n%d.example\n" % i for i in range(3000)))
    out = place.run(code=3, preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (4096, 4096)))
    has(out, "a: kept old", "File too large")
    equal(place.identity(), before)
    out = place.run("--force", code=1, preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (64, 64)))
    has(out, "image: failed, the old one stays in force: ", "image.tmp: File too large")
    equal(place.identity(), before)


FULL_DISK = """
set -e
mount -t tmpfs -o size=256k tmpfs "$1" && cd "$1"
mkdir "$1/state"
status() { shift; "$@" 2>&1 && echo "exit 0" || echo "exit $?"; }
status "$@" run -c "$DIR/small.conf" >"$DIR/1"
cp state/image "$DIR/image.1"
status "$@" run -c "$DIR/large.conf" >"$DIR/2"
cp state/image "$DIR/image.2"
head -c 1M /dev/zero >fill 2>/dev/null || true
status "$@" run -c "$DIR/small.conf" --force >"$DIR/3"
cp state/image "$DIR/image.3"
find state -name '*.tmp*' >"$DIR/leftovers"
rm fill
status "$@" run -c "$DIR/small.conf" --force >"$DIR/4"
"""


def test_full_disk():
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        raise Skip("a small file system can only be mounted by root")
    place = Place("full")
    disk = os.path.join(place.dir, "disk")
    os.mkdir(disk)
    place.state = os.path.join(disk, "state")
    web.pages["/small"] = text_page("example.com\n")
    web.pages["/large"] = text_page("".join("n%d.example\n" % i for i in range(50000)))
    for size in "small", "large":
        place.configure(a=web.url("/" + size))
        os.rename(place.conf, os.path.join(place.dir, size + ".conf"))
    p = subprocess.run(["unshare", "-m", "sh", "-c", FULL_DISK, "sh", disk] + UPDATE,
                       env=dict(os.environ, DIR=place.dir), stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=WAIT_S)
    if p.returncode != 0 and not os.path.exists(os.path.join(place.dir, "1")):
        raise Skip("no file system can be mounted here: %s" % p.stdout.decode().strip())
    check(p.returncode == 0, p.stdout.decode())
    out = [read(os.path.join(place.dir, str(i))).decode() for i in range(1, 5)]
    has(out[0], "exit 0")
    has(out[1], "a: kept old", "No space left on device", "are needed", "are free",
        web.url("/large"), "exit 3")
    has(out[2], "image: failed, the old one stays in force: ", "No space left on device",
        "exit 1")
    has(out[3], "image: written", "exit 0")
    image = read(os.path.join(place.dir, "image.1"))
    equal(read(os.path.join(place.dir, "image.2")), image)
    equal(read(os.path.join(place.dir, "image.3")), image)
    equal(read(os.path.join(place.dir, "leftovers")), b"")


def test_unwritable_state():
    place = Place("unwritable")
    write(place.state, "a file where the folder should be\n")
    place.configure(a=web.url("/d"))
    place.run(code=1)
    has(place.err, place.state)


def test_killed_at_random_moments():
    place = Place("killed")
    seed = int(os.environ.get("TEST_SEED", random.randrange(1 << 32)))
    print("# TEST_SEED=%d" % seed, flush=True)
    rng = random.Random(seed)

    def serve(generation):
        texts = {name: "".join("%s%d-%d.example\n" % (name, generation, i) for i in range(8000))
                 for name in "ab"}
        for name, text in texts.items():
            web.pages["/kill-" + name] = text_page(text)
        return {name: text.encode() for name, text in texts.items()}

    place.configure(a=web.url("/kill-a"), b=web.url("/kill-b"))
    served = [serve(0)]
    whole_s = 0
    n_killed = 0
    for generation in range(1, 21):
        if generation % 5 == 1:  # how long a run takes now
            began = time.monotonic()
            place.run()
            whole_s = max(whole_s, time.monotonic() - began)
        served.append(serve(generation))
        p = place.start()
        if generation % 2 == 0:  # half of them while the second list is fetched, or later
            while b"[2/2]" not in p.stderr.readline():
                pass
        try:
            p.wait(timeout=rng.uniform(0, whole_s))
        except subprocess.TimeoutExpired:
            p.kill()
            n_killed += 1
        p.communicate()
        tool("verify", place.path("image"))
        if os.path.exists(place.path("image.previous")):
            tool("verify", place.path("image.previous"))
        for name in "ab":
            check(place.kept(name) in [texts[name] for texts in served], "a torn copy")
        if generation % 5 == 0:
            place.run()
            equal(place.leftovers(), [])
            equal(place.kept("a"), served[-1]["a"])
            equal(len(place.dump()), 16000)
    print("# %d of 20 runs were killed" % n_killed)
    check(n_killed > 0, "no run was killed")


def test_leftovers_are_removed():
    place = Place("leftovers")
    web.pages["/o"] = text_page("example.com\n")
    place.configure(a=web.url("/o"))
    os.makedirs(place.path("lists"))
    for name in "image.tmp", "image.previous.tmp", "image.lists.tmp", "lists/a.txt.tmp", "lists/gone.txt.tmp":
        write(place.path(name), "half")
    write(place.path("lists/gone.txt"), "example.org\n")
    place.run()
    equal(sorted(os.listdir(place.state)), ["image", "image.lists", "lists", "update.lock"])
    equal(sorted(os.listdir(place.path("lists"))), ["a.txt", "gone.txt"])


def test_stopped_by_signal():
    place = Place("stopped")
    web.pages["/s"] = text_page("example.com\n")
    place.configure(a=web.url("/s"), b=web.url("/d"))
    place.run()
    before = place.identity()
    web.pages["/s"] = silent_page
    web.silent.clear()
    web.end.clear()
    p = place.start("--timeout", "100s", "--parallel", "1")
    check(web.silent.wait(WAIT_S))
    p.send_signal(signal.SIGTERM)
    out = p.communicate(timeout=WAIT_S)[0].decode()
    web.end.set()
    equal(p.returncode, 1)
    has(out, "a: kept old", "b: not reached", "stopped by a signal")
    equal(place.identity(), before)


def test_one_run_at_a_time():
    place = Place("lock")
    place.configure(a=web.url("/s"))
    web.pages["/s"] = silent_page
    web.silent.clear()
    web.end.clear()
    p = place.start("--timeout", "100s")
    check(web.silent.wait(WAIT_S))
    try:
        place.run(code=1)
        has(place.err, "another run holds the lock: process %d" % p.pid, place.state)
    finally:
        p.kill()
        p.communicate()
        web.end.set()
    web.pages["/s"] = text_page("example.com\n")
    place.run()


# --- quelld ---

class Quelld:
    """answers one request at a time on a control socket"""

    def __init__(self, path, answer):
        self.requests = []
        self.socket = socket.socket(socket.AF_UNIX)
        if os.path.exists(path):
            os.remove(path)
        self.socket.bind(path)
        self.socket.listen(8)
        self.answer = answer
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client, client.makefile("rb") as f:
                self.requests.append(f.readline())
                client.sendall(self.answer)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def test_quelld_is_told():
    place = Place("told")
    web.pages["/t"] = text_page("example.com\n")
    place.configure(a=web.url("/t"))
    quelld = Quelld(place.control, b"ok reloaded\nrules 1\n")
    has(place.run(), "quelld: reloaded")
    equal(quelld.requests, [b"reload\n"])
    place.run()
    place.run("--dry-run", "--force")
    equal(quelld.requests, [b"reload\n"])
    has(place.run("--force"), "quelld: reloaded")
    equal(quelld.requests, [b"reload\n"] * 2)
    quelld.close()
    has(place.run("--force"), "quelld: not running")  # the socket is there, nobody listens
    other = os.path.join(place.dir, "other")
    quelld = Quelld(other, b"ok\n")
    has(place.run("--force", "--control", other), "quelld: reloaded")
    equal(quelld.requests, [b"reload\n"])
    quelld.close()


def test_quelld_refuses():
    place = Place("refuses")
    web.pages["/t"] = text_page("example.com\n")
    place.configure(a=web.url("/t"))
    for answer, reason in ((b"error no memory\n", "no memory"), (b"", "neither"),
                           (b"okay?\n", "neither"), (b"x" * 100000, "neither")):
        quelld = Quelld(place.control, answer)
        has(place.run("--force", code=1), "quelld: failed", reason)
        quelld.close()
    quelld = Quelld(place.control, b"ok\n")
    out = place.run()  # what it has not got yet, it gets though nothing is new
    has(out, "image: unchanged", "quelld: reloaded")
    check("quelld" not in place.run())
    equal(quelld.requests, [b"reload\n"])
    quelld.close()


def test_killed_before_quelld_was_told():
    place = Place("untold")
    web.pages["/t"] = text_page("example.com\n")
    place.configure(a=web.url("/t"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place.control)
    listener.listen(1)
    p = place.start()
    client, _ = listener.accept()
    p.kill()  # the image is in place, the answer has not come
    p.communicate()
    client.close()
    listener.close()
    quelld = Quelld(place.control, b"ok\n")
    has(place.run(), "image: unchanged", "quelld: reloaded")
    quelld.close()


# --- offline ---

def test_compile_and_dump():
    dir = os.path.join(TOP, "compile")
    os.mkdir(dir)
    image = os.path.join(dir, "image")
    hosts = write(os.path.join(dir, "hosts"), "0.0.0.0 B.example a.example\n::1 localhost\n")
    domains = write(os.path.join(dir, "domains"), "# c\na.example\nb.example\n")
    more = write(os.path.join(dir, "more"), "b.example\nc.example\nb.example\n")
    tool("compile", "-o", image, hosts, domains, more)
    lines = tool("dump", image).splitlines()
    equal(lines, ["0 exact a.example", "0 exact b.example", "1 suffix a.example",
                  "1,2 suffix b.example", "2 suffix c.example"])
    has(tool("verify", image), "valid", "6 rules", "3 lists")
    first = read(image)
    write(more, "c.example\nb.example\n")
    tool("compile", "-o", image, hosts, domains, more)
    equal(read(image), first)
    equal(sorted(os.listdir(dir)), ["domains", "hosts", "image", "image.lists", "more"])

    bad = write(os.path.join(dir, "bad"), WEB_PAGE)
    has(tool("compile", "-o", image, hosts, bad, code=1), bad, "web page")
    has(tool("compile", "-o", image, image, code=1), "image already")
    has(tool("compile", "-o", image, os.path.join(dir, "none"), code=1), "No such file")
    has(tool("compile", "-o", os.path.join(dir, "no/image"), hosts, code=1), "No such file")
    equal(read(image), first)


def test_verify_refuses():
    dir = os.path.join(TOP, "verify")
    os.mkdir(dir)
    image = os.path.join(dir, "image")
    text = write(os.path.join(dir, "text"), "".join("n%d.example\n" % i for i in range(200)))
    tool("compile", "-o", image, text)
    good = read(image)
    rng = random.Random(1)
    for i in [0, len(good) - 1] + rng.sample(range(len(good)), 40):
        broken = bytearray(good)
        broken[i] ^= 1 << rng.randrange(8)
        with open(image, "wb") as f:
            f.write(broken)
        has(tool("verify", image, code=1), image)
        tool("dump", image, code=1)
    for size in 0, 1, 8, len(good) // 2, len(good) - 1:
        with open(image, "wb") as f:
            f.write(good[:size])
        has(tool("verify", image, code=1), image)
    has(tool("verify", os.path.join(dir, "none"), code=1), "No such file")


def test_why():
    dir = os.path.join(TOP, "why")
    os.mkdir(dir)
    image = os.path.join(dir, "image")
    hosts = write(os.path.join(dir, "hosts"), "# c\n0.0.0.0 www.ads.example ads.example\n")
    domains = write(os.path.join(dir, "domains"), "example.org\nexample\n\nads.example\n")
    tool("compile", "-o", image, hosts, domains)
    equal(tool("why", hosts, domains, "--", "WWW.ads.example.", "AAAA").splitlines(), [
        hosts + ":2: exact www.ads.example", domains + ":4: suffix ads.example",
        domains + ":2: suffix example", "www.ads.example AAAA: blocked"])
    equal(tool("why", image, "--", "www.ads.example").splitlines(), [
        "0: exact www.ads.example", "1: suffix ads.example", "1: suffix example",
        "www.ads.example A: blocked"])
    for files in [image], [hosts, domains]:
        equal(tool("why", *files, "--", "badexample").splitlines(), ["badexample A: not listed"])
        equal(tool("why", *files, "--", "org").splitlines(), ["org A: not listed"])
    equal(tool("why", hosts, "--", "x.ads.example").splitlines(), ["x.ads.example A: not listed"])
    has(tool("why", hosts, "--", "x.ads.example", "WHAT", code=2), "no query type")
    has(tool("why", image, hosts, "--", "x", code=1), "alone")
    has(tool("why", hosts, os.path.join(dir, "none"), "--", "x", code=1), "No such file")
    tool("why", hosts, "--", "a..b", code=2)


def test_bench():
    dir = os.path.join(TOP, "bench")
    os.mkdir(dir)
    image = os.path.join(dir, "image")
    text = write(os.path.join(dir, "text"), "a.example\nb.example\n")
    names = write(os.path.join(dir, "names"), "A.example\n\nx.b.example\nc.example\nexample\ncom\n")
    tool("compile", "-o", image, text)
    out = tool("bench", image, names)
    found = re.findall(r"^(\w+) +(\d+) names, [0-9.]+ ns a look-up, (\d+) of them blocked$", out,
                       re.M)
    equal(found, [("listed", "1", "1"), ("below", "1", "1"), ("unlisted", "3", "0")])
    has(tool("bench", image, os.path.join(dir, "none"), code=1), "No such file")


def test_usage():
    place = Place("usage")
    for args in (["add"], ["remove"], ["report", "x"], ["preview", "--force"], ["rollback", "--dry-run"],
                 ["nonsense"], ["--nonsense"], ["run", "--nonsense"], ["run", "-c"], ["dump"], ["dump", "a", "b"],
                 ["verify"], ["compile", "x"], ["compile", "-o", "x"], ["bench", "x"],
                 ["why", "--", "x"], ["why", "x", "--"], ["why", "x", "--", "y", "A", "z"],
                 ["why", "x", "--", "y", "A!"], ["run", "--timeout", "soon"],
                 ["run", "--timeout", "0"], ["run", "--max-size", "0"], ["run", "--parallel", "0"],
                 ["run", "--parallel", "many"], ["run", "--tries", "11"], ["run", "--tries", ""]):
        has(tool(*args, code=2), "usage: quell-update")
    has(tool("--help"), "usage: quell-update", "compile", "verify")
    check(re.fullmatch(r"quell-update \d+\.\d+\.\d+\S*\n", tool("--version")))
    for args in ["run"], ["run", "a"], ["preview"], ["rollback"], ["report"], ["why", "x.example"]:
        for words in [args[0], "-c", place.conf], ["-c", place.conf, args[0]]:
            has(tool(*words, *args[1:], code=2), place.conf, "no list is configured", "quell-update add")
    has(tool("remove", "-c", place.conf, "a", code=2), place.conf, 'there is no list "a"')
    has(tool("remove", "-c", place.conf + ".no", "a", code=2), place.conf + ".no: No such file")
    has(tool("add", "-c", place.conf, "no-such", code=2), "no-such", "catalogue")
    check(not os.path.exists(place.state) and not os.path.exists(place.conf + ".no"))
    place.configure(a=web.url("/no"))
    has(tool("rollback", "-c", place.conf, code=1), "list a: there is no copy of it yet")
    has(tool("report", "-c", place.conf), "a: there is no copy of it yet")
    write(place.conf, 'list "a" {\n  url = "gopher://x/"\n}\n')
    place.run(code=2)
    has(place.err, place.conf + ":2:")
    os.remove(place.conf)
    place.run(code=2)
    has(place.err, place.conf, "No such file")


# --- real lists ---

LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
OWN = re.compile(r"localhost|localhost\.localdomain|local|broadcasthost|ip6-[a-z0-9]+")
SINK = re.compile(r"0\.0\.0\.0|127\.\d+\.\d+\.\d+|::|::1")


def is_name(text):
    labels = (text[:-1] if text.endswith(".") else text).split(".")
    return (len(".".join(labels)) <= 253 and all(LABEL.fullmatch(x) for x in labels)
            and not labels[-1].isdigit())


def read_xz(name):
    path = os.path.join(SOURCE, "..", "shared", "lists", name + ".xz")
    if not os.path.exists(path):
        raise Skip("the collection of real lists is not here")
    return lzma.open(path).read().decode("latin-1")


def test_real_lists():
    place = Place("real")
    wanted = set()
    hosts, domains = read_xz("neodev.hosts.txt"), read_xz("stevenblack.domains.txt")
    for line in hosts.split("\n"):
        words = line.split("#")[0].split()
        if len(words) > 1 and SINK.fullmatch(words[0]):
            wanted.update((0, "exact", w.lower().rstrip(".")) for w in words[1:]
                          if is_name(w) and not OWN.fullmatch(w.lower()))
    for line in domains.split("\n"):
        words = line.split("#")[0].split()
        if len(words) == 1 and is_name(words[0]) and not OWN.fullmatch(words[0].lower()):
            wanted.add((1, "suffix", words[0].lower().rstrip(".")))
    write(os.path.join(place.dir, "hosts"), hosts)
    web.pages["/real"] = text_page(domains)
    place.configure(a="hosts", b=web.url("/real"))
    has(place.run(), "image: written, %d rules" % len(wanted))
    lines = place.dump()
    equal(lines, sorted(lines))
    found = {(int(i), kind, name) for i, kind, name in (line.split(" ") for line in lines)}
    equal(len(lines), len(wanted))
    check(found == wanted, "%s" % sorted(found ^ wanted)[:20])
    print("# %d rules" % len(wanted))


# --- TAP ---

def main():
    tests = [t for name, t in list(globals().items()) if name.startswith("test_")]
    tests += [failure_test(name, *what) for name, what in FAILURES.items()]
    chosen = sys.argv[1:]
    tests = [t for t in tests if not chosen or any(c in t.__name__ for c in chosen)]
    print("1..%d" % len(tests), flush=True)
    n_failed = 0
    for number, test in enumerate(tests, 1):
        name = test.__name__[5:].replace("_", " ")
        try:
            test()
            print("ok %d - %s" % (number, name), flush=True)
        except Skip as skip:
            print("ok %d - %s # SKIP %s" % (number, name, skip), flush=True)
        except Exception as error:  # a broken test must not hide the others
            n_failed += 1
            print("not ok %d - %s" % (number, name))
            text = "%s: %s" % (type(error).__name__, error)
            print("\n".join("# " + line for line in text.splitlines()), flush=True)
    return n_failed != 0


with tempfile.TemporaryDirectory(prefix="quell-update-") as TOP:
    for variable in "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY":
        os.environ.pop(variable, None)
    web = Web()
    web.silent, web.end = threading.Event(), threading.Event()
    sys.exit(main())
