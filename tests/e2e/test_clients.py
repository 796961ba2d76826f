"""What people use: dig, kdig, drill, the C library and a browser, each in a network namespace where quell is the resolver.

A program that is not installed is skipped."""

import http.server
import os
import re
import shutil
import subprocess
import threading

from harness import FakeUpstream, Namespace, Quelld, Skip, assert_blocked, equal, main, reply_to, temporary_folder, test

HOST = "127.0.0.1"
LISTS = ["ads.test\n"]
PROGRAM_SECONDS = 50


def page_reply(ask):
    """Every name is this machine."""
    if ask.query.question[0].rdtype == 1:
        return reply_to(ask.query, ask.name + " 300 IN A " + HOST)
    return reply_to(ask.query, authority=["test. 300 IN SOA ns.test. admin.test. 1 7200 3600 86400 300"])


class House:
    """A namespace with quelld on port 53 and a fake upstream."""

    def __enter__(self):
        self.namespace = Namespace()
        # The C library looks no names up on a host that has only loopback addresses.
        self.namespace.ip("addr add 192.168.53.1/32 dev lo")
        with self.namespace:
            self.upstream = FakeUpstream(page_reply)
        try:
            self.daemon = Quelld([self.upstream], LISTS, port=53, namespace=self.namespace)
        except BaseException:
            self.upstream.close()
            self.namespace.close()
            raise
        return self

    def __exit__(self, *exc):
        self.daemon.__exit__(*exc)
        self.upstream.close()
        self.namespace.close()

    def run(self, command):
        """Run a program in the namespace: its output."""
        if shutil.which(command[0]) is None:
            raise Skip(command[0] + " is not installed")
        with self.namespace:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=PROGRAM_SECONDS)
        return done.stdout.decode("utf-8", "replace")

    def run_resolving(self, folder, command):
        """The same where /etc/resolv.conf names quell."""
        if shutil.which(command[0]) is None:
            raise Skip(command[0] + " is not installed")
        if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode != 0:
            raise Skip("/etc/resolv.conf cannot be replaced for one program here (a chroot?)")
        path = os.path.join(folder, "resolv.conf")
        with open(path, "w") as f:
            f.write("nameserver %s\noptions timeout:2 attempts:1\n" % HOST)
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return self.run(["unshare", "-m", "sh", "-c", script, path] + command)


def check_lookup_tool(command, status, address):
    with House() as house:
        for transport in ([], ["+tcp"]) if command != "drill" else ([], ["-t"]):
            text = house.run([command] + transport + ["@" + HOST, "ads.test", "A"])
            assert re.search(status % "SERVFAIL", text), text
            text = house.run([command] + transport + ["@" + HOST, "page.test", "A"])
            assert re.search(status % "NOERROR", text) and re.search(address, text), text


@test
def test_dig():
    """dig"""
    check_lookup_tool("dig", "status: %s", r"page\.test\.\s+\d+\s+IN\s+A\s+127\.0\.0\.1")


@test
def test_dig_shows_why():
    """dig shows EDE 15 with its text"""
    with House() as house:
        text = house.run(["dig", "@" + HOST, "ads.test"])
        assert re.search(r"EDE: 15 \(Blocked\): \(.+\)", text), text


@test
def test_kdig():
    """kdig"""
    check_lookup_tool("kdig", "status: %s", r"page\.test\.\s+\d+\s+IN\s+A\s+127\.0\.0\.1")


@test
def test_drill():
    """drill"""
    check_lookup_tool("drill", "rcode: %s", r"page\.test\.\s+\d+\s+IN\s+A\s+127\.0\.0\.1")


@test
def test_getent():
    """getent: the C library's resolver, by /etc/resolv.conf"""
    with House() as house, temporary_folder() as folder:
        equal(house.run_resolving(folder, ["getent", "ahostsv4", "ads.test"]), "", "addresses of a blocked name")
        text = house.run_resolving(folder, ["getent", "ahostsv4", "page.test"])
        assert text.startswith(HOST), text
        assert house.upstream.asked("page.test")
        equal(house.upstream.asked("ads.test"), [], "packets upstream for a blocked name")


PAGE = b"""<!doctype html><title>page</title><body>loading<script>
const done = what => { document.body.textContent = what + ' by ' + performance.now().toFixed() + ' ms'; };
const ad = new Image();
ad.onload = () => done('ad shown'); ad.onerror = () => done('ad failed');
ad.src = 'http://ads.test/ad.png';
</script><img src="/picture.png"></body>"""


class Web(http.server.BaseHTTPRequestHandler):
    asked = []

    def do_GET(self):
        self.asked.append((self.headers["Host"], self.path))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *args):
        pass


@test
def test_browser():
    """Chromium: the page loads, the ad host fails"""
    with House() as house, temporary_folder() as folder:
        with house.namespace:
            web = http.server.ThreadingHTTPServer((HOST, 80), Web)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        try:
            text = house.run_resolving(folder, [
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--user-data-dir=" + folder, "--virtual-time-budget=30000", "--dump-dom", "http://page.test/"])
        finally:
            web.shutdown()
            web.server_close()
        assert "ad failed" in text, text
        assert ("page.test", "/") in Web.asked and ("page.test", "/picture.png") in Web.asked, Web.asked
        assert not [host for host, _ in Web.asked if host == "ads.test"], Web.asked
        assert_blocked_here(house)


def assert_blocked_here(house):
    with house.namespace:
        assert_blocked(house.daemon.ask("ads.test."))


if __name__ == "__main__":
    main()
