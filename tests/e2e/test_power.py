"""Losses of power: all processes die at a write, rename, sync or removal of a file (tests/fault/fault.c), and what is
found then is the last good state.

The calls that change files are counted in a run, and the next runs end at one of them, before it or in the middle of what it
writes.  TEST_SEED repeats the places; QUELL_POWER=1000 has so many of each kind.
"""

import contextlib
import http.server
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time

import harness
from harness import (
    BUILD, WAIT_SECONDS, FakeUpstream, Quelld, Skip, address_of, addresses, assert_blocked, equal, main, query,
    temporary_folder, test)

FAULT = os.path.join(BUILD, "tests", "fault", "fault")
UPDATE = os.path.join(BUILD, "quell-update")
CALLS = ("write,pwrite64,writev,rename,renameat,renameat2,link,linkat,unlink,unlinkat,fsync,fdatasync,open,openat,ftruncate,"
         "fallocate,mkdir,mkdirat,chmod,fchmod,sendmsg,sendto")
N_PLACES = int(os.environ.get("QUELL_POWER", "12"))


def needs():
    if harness.WRAPPER or harness.has_instruments():
        raise Skip("instruments make calls of their own")
    if subprocess.run([FAULT, "/dev/null", "any", "all", "ENOMEM", "0", "0", "/bin/true"]).returncode != 0:
        raise Skip("there is no seccomp to let calls fail with")


def places(total):
    """N_PLACES of them: (before the call, or in its middle; its number)."""
    seed = int(os.environ.get("TEST_SEED") or time.time())
    print("# TEST_SEED=%d, one of %d calls each time" % (seed, total), flush=True)
    draw = random.Random(seed)
    if N_PLACES > 100:
        signal.alarm(0)
    for _ in range(N_PLACES):
        yield ("torn" if draw.random() < 0.2 else "kill"), draw.randint(1, total)


def read_log(path):
    """How many calls there were, once all processes have ended, and how many of them ended it all."""
    limit = time.monotonic() + WAIT_SECONDS
    lines = []
    while lines[-1:] != ["end"]:
        assert time.monotonic() < limit, "processes are left"
        time.sleep(0.002)
        with contextlib.suppress(FileNotFoundError):
            with open(path) as f:
                lines = f.read().split("\n")[:-1]
    totals = [int(line.split()[3]) for line in lines if line.startswith("total ")]
    return sum(totals), len(lines) - len(totals) - 1


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def update(*args, fault=None):
    """Run quell-update: its exit status."""
    command = [UPDATE] + list(args)
    if fault:
        command = [FAULT] + [str(word) for word in fault] + command
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=WAIT_SECONDS)
    return done.returncode, done.stdout.decode()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args):
        pass  # who asked was killed


class Lists(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.texts[self.path[1:]]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def web():
    server = Server(("127.0.0.1", 0), Lists)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def texts_of(generation):
    return {name: "".join("%s%d-%d.example\n" % (name, generation, i) for i in range(50)).encode() + b"blocked.example\n"
            for name in "ab"}


@test
def test_update():
    """quell-update dies at any of its calls: image and kept lists are the old or the new ones, and the next run does all"""
    needs()
    with temporary_folder() as folder, web() as server:
        state, conf, log = (os.path.join(folder, name) for name in ("state", "conf", "fault"))
        with open(conf, "w") as f:
            f.write('state_dir = "%s"\ncontrol = "%s/none"\n' % (state, folder))
            for name in "ab":
                f.write('list "%s" { url = "http://127.0.0.1:%d/%s" }\n' % (name, server.server_address[1], name))
        server.texts = texts_of(0)
        run = ["run", "-c", conf, "--tries", "1"]
        status, text = update(*run)
        equal(status, 0, text)
        served = [server.texts]
        server.texts = texts_of(1)
        equal(update(*run, fault=[log, "any", CALLS, "kill", 0, 0])[0], 0)
        served.append(server.texts)
        n_calls, n_killed = read_log(log)[0], 0
        for generation, (how, place) in enumerate(places(n_calls), 2):
            server.texts = texts_of(generation)
            served.append(server.texts)
            os.unlink(log)
            status, text = update(*run, fault=[log, "any", CALLS, how, place, 1])
            n_killed += read_log(log)[1]
            what = "%s at %d: %s" % (how, place, text)
            for image in "image", "image.previous":
                path = os.path.join(state, image)
                equal(update("verify", path)[0], 0, what + image)
            for name in "ab":
                kept = read(os.path.join(state, "lists", name + ".txt"))
                assert kept in [texts[name] for texts in served], what + ": a torn copy of " + name
            if generation % 4 == 0:
                status, text = update(*run)
                equal(status, 0, what + text)
                left = [f for _, _, files in os.walk(state) for f in files if ".tmp" in f or f.endswith(".new")]
                equal(left, [], what)
                names = update("dump", os.path.join(state, "image"))[1]
                assert "a%d-0.example" % generation in names, "the next run did not do all: " + what
        print("# %d of %d runs ended so" % (n_killed, N_PLACES))


@test
def test_conf_edits():
    """quell-update add and remove die at any of their calls: the configuration is as it was, or as it was to be"""
    needs()
    with temporary_folder() as folder, web() as server:
        server.texts = texts_of(0)
        state, conf, log = (os.path.join(folder, name) for name in ("state", "conf", "fault"))
        first = '# by hand\nstate_dir = "%s"\ncontrol = "%s/none"\n' % (state, folder)
        add = ["add", "-c", conf, "--name", "a", "http://127.0.0.1:%d/a" % server.server_address[1]]
        remove = ["remove", "-c", conf, "a"]

        def write():
            with open(conf, "w") as f:
                f.write(first)

        write()
        calls = []
        for command in add, remove:
            status, text = update(*command, fault=[log, "any", CALLS, "kill", 0, 0])
            equal(status, 0, text)
            calls.append((read_log(log)[0], read(conf)))
            os.unlink(log)
        good = [first.encode()] + [after for _, after in calls]
        n_killed = 0
        for how, place in places(sum(n for n, _ in calls)):
            first_n = calls[0][0]
            write()
            if place > first_n:
                equal(update(*add)[0], 0)
            command = remove if place > first_n else add
            place -= first_n if place > first_n else 0
            status, text = update(*command, fault=[log, "any", CALLS, how, place, 1])
            n_killed += read_log(log)[1]
            os.unlink(log)
            assert read(conf) in good, "%s %s at %d:\n%r" % (command[0], how, place, read(conf))
            if os.path.exists(os.path.join(state, "image")):
                equal(update("verify", os.path.join(state, "image"))[0], 0)
        print("# %d of %d runs ended so" % (n_killed, N_PLACES))


NAMES = ["n%d.example." % i for i in range(10)]


class Daemon(Quelld):
    """One that is started again in its folder."""

    def __init__(self, upstream):
        super().__init__([upstream], ["||blocked.example^\n"], wait=False)
        self.kill()
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o777)
        self.upstream, self.fault_log = upstream, os.path.join(self.dir, "fault")
        self.write("list0.txt", "||blocked.example^\n")
        self.write_conf('state_dir = "%s"\n' % self.dir)

    def cleanup(self):
        pass

    def start(self, *fault):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.fault_log)
        try:
            if fault:
                harness.WRAPPER[:] = [FAULT, self.fault_log] + [str(word) for word in fault]
            self._start(("127.0.0.1",), [self.upstream], ())
        finally:
            harness.WRAPPER[:] = []

    def end(self):
        self.signal(signal.SIGTERM)
        equal(self.wait(), 0, "exit status")


def life(daemon, rule):
    """A start, questions, a rule, and the end, at which the cache is saved.  Returns the rule, if it was said to hold."""
    said = None
    try:
        daemon.log.wait("^notice ready ")
        for name in NAMES:
            with daemon.udp_socket() as s:
                s.settimeout(2)
                s.send(query(name).to_wire())
                s.recv(4096)
        status, text = daemon.ctl("block", rule)
        if status == 0 and "until quelld ends" not in text:
            said = rule
        daemon.signal(signal.SIGTERM)
    except (AssertionError, OSError):
        if daemon.process.poll() is None:
            daemon.process.wait(1)
    daemon.wait()
    return said


@test
def test_daemon():
    """quelld and its children die at any of their calls: own rules that were said to hold do, and the cache is whole or as it was"""
    needs()
    with FakeUpstream() as upstream:
        daemon = Daemon(upstream)
        try:
            daemon.start("any", CALLS, "kill", 0, 0)
            kept = [life(daemon, "r0.example")]
            n_calls, n_killed = read_log(daemon.fault_log)[0], 0
            for number, (how, place) in enumerate(places(n_calls), 1):
                daemon.start("any", CALLS, how, place, 1)
                said = life(daemon, "r%d.example" % number)
                n_killed += read_log(daemon.fault_log)[1]
                kept = kept[-5:] + [said] if said else kept
                daemon.start()
                daemon.log.wait("^notice ready ")
                assert_blocked(daemon.ask("blocked.example."))
                for rule in kept:
                    assert_blocked(daemon.ask(rule + "."))
                for name in NAMES[:3]:
                    equal(addresses(daemon.ask(name)), [address_of(name)], name)
                daemon.end()
                for line in daemon.log.all():
                    assert not re.search("damaged|is dropped|malformed|a mistake", line), "%s at %d: %s" % (how, place, line)
            print("# %d of %d runs ended so" % (n_killed, N_PLACES))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(daemon.process.pid, signal.SIGKILL)
            shutil.rmtree(daemon.dir, ignore_errors=True)


if __name__ == "__main__":
    main()
