#!/usr/bin/python3
"""quell at full load, with everything at once that it has to bear, for as long as is wanted.

    make soak                          20 minutes
    make soak SOAK_SECONDS=86400       a day

docs/bench/README.md says what happens meanwhile and how it is judged.  A line a minute says what came of it, and
a verdict at the end, with its reasons; exit status 1: something is wrong.
"""

import argparse
import collections
import contextlib
import http.server
import json
import os
import random
import re
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]

import bench
import names
from harness import BUILD, Lines, Quelld, frame, plain_query
from test_mutations import some_query

STEADY_QPS = 500  # over UDP; a tenth of that over TCP
PATIENCE_S = 8  # longer than a worker can stand still, and than a question is asked upstream
OPEN_S = .5  # a question that a worker still had when it was killed came no earlier than that
SILENT_S = 4.5  # or than that, where the upstream is silent: query_timeout and some
STOPPING_S = .05  # until a process that is stopped does
QUEUE_SIZE = 1 << 20  # bytes of what may wait for a worker, as quelld asks the kernel for
CLOSING_S = .25  # until a client knows that its connection has ended with a worker
WINDOW = 256  # of new names under way: what a killed worker takes with it must not make them few
MALFORMED_QPS = 1000
CONNECTIONS, TCP_CLIENTS_MAX = 600, 400  # more want one than may
LISTED, CHANGING = 50000, 500  # names of the list, and of these those that each update has others of
TRIAL_S = 11  # until quelld gives the lists of before up, which it keeps after an update
REST_S = 20  # until everything that was under way has ended
SURVIVOR, VICTIM = 0, 1  # of the two workers: one is never killed, and so shows whether it grows

CONF = """
state_dir = "%(folder)s/state"
cache_save = 30s
cache_size = 8M
tcp_clients_max = %(clients)d
list "soak" {
    url = "http://127.0.0.1:%(web)d/"
}
forward "silent.test" {
    upstream = {"127.0.0.1:%(silent)d"}
}
"""


# --- the daemon, of whose log no more than the end is kept ---

class Log(Lines):
    KEPT = 50

    def __init__(self, stream):
        self.n, self.tags, self.errors = 0, collections.Counter(), collections.deque(maxlen=20)
        self.workers, self.started = {}, {}  # by number: process, and when it was started
        super().__init__(stream)

    def add(self, line):
        level, tag = (line.split() + ["", ""])[:2]
        self.n += 1
        self.tags[tag] += 1
        if level == "error" or "Sanitizer" in line or "runtime error" in line:
            self.errors.append(line)
        started = re.match(r"info worker-started worker (\d+), pid (\d+)", line)
        if started:
            self.workers[int(started[1])] = int(started[2])
            self.started[int(started[1])] = time.monotonic()
        self.lines.append(line)
        del self.lines[:-self.KEPT]

    def wait_for(self, what, seconds):
        """Wait for `what`() to be true; its value."""
        with self.changed:
            return self.changed.wait_for(what, seconds)


class Daemon(Quelld):
    log_type = Log


# --- those who ask, each a process of tests/bench/load ---

class Asker:
    """rows: what came of each interval.  What is lost is explained by the kills, or it is not."""

    def __init__(self, name, kills, port, file, seconds, interval, *options, open_s=OPEN_S, closing_s=0):
        self.name, self.kills, self.open_s, self.closing_s = name, kills, open_s, closing_s
        self.rows, self.total = collections.deque(), collections.Counter()
        self.oldest_s, self.unexplained = 0, []
        self.process = subprocess.Popen(
            [os.path.join(bench.TOOLS, "load"), *options, "-p", str(PATIENCE_S), "-i", str(interval), "-l", "127.0.0.1",
             str(port), file, str(seconds)], stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("lost "):
                self.lose(*line.split()[1:])
                continue
            row = json.loads(line)
            self.total.update({key: row[key] for key in ("sent", "answered", "lost", "wrong")})
            self.rows.append(row)

    def lose(self, sent, name):
        """A worker that is killed takes with it what it has taken from its sockets: nothing that was sent later, and
        nothing that it would have answered long ago."""
        sent = float(sent)
        for kill in list(self.kills):
            if kill.explains(sent, self.open_s, self.closing_s):
                self.oldest_s = max(self.oldest_s, kill.began - sent)
                kill.lost[self.name] += 1
                return
        self.total["unexplained"] += 1
        if len(self.unexplained) < 20:
            before = max((kill.ended for kill in list(self.kills) if kill.ended < sent), default=0)
            self.unexplained.append("%s, sent at %.3f, %.3f s after the last worker's death" % (name, sent, sent - before))


# --- those who disturb, each a thread ---

class Disturber(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.stopping = threading.Event()
        self.trouble = []  # what should not have happened, in words
        self.counts = collections.Counter()

    def every(self, seconds):
        """Begin a turn, again and again: late ones are left out."""
        while not self.stopping.wait(seconds):
            yield

    def run(self):
        try:
            self.disturb()
        except Exception as why:  # it would not be seen that nothing is disturbed any more
            self.fail("%s has ended: %r" % (type(self).__name__, why))

    def fail(self, text):
        if len(self.trouble) < 20:
            self.trouble.append(text)

    def stop(self):
        self.stopping.set()
        self.join(60)


class Kill:
    """Of a worker that is killed, or stopped: then it takes no more questions, but is dead only when quelld finds it."""

    def __init__(self, stop=False):
        self.began, self.stop, self.lost = time.monotonic(), stop, collections.Counter()
        self.ended = float("inf")

    def explains(self, sent, open_s, closing_s):
        """May a question of that time have been in its hands?  With closing_s: it had a connection to the worker."""
        last = self.began + STOPPING_S if self.stop and not closing_s else self.ended
        return self.began - open_s <= sent <= last + closing_s


class Killer(Disturber):
    """Kills one worker again and again; now and then it is stopped, so that quelld finds it and kills it."""

    STOPPED = 20  # each that many

    def __init__(self, daemon, period):
        super().__init__()
        self.log, self.period = daemon.log, period
        with open("/proc/sys/net/core/rmem_max", encoding="ascii") as f:
            self.stops = int(f.read()) >= QUEUE_SIZE
        if not self.stops:
            print("no worker is stopped: net.core.rmem_max is below %d, and what waits for it would be dropped" % QUEUE_SIZE)
        self.kills = collections.deque(maxlen=200)  # more than in the time until a loss is known
        self.replaced_ms = []  # since the last row

    def disturb(self):
        for _ in self.every(self.period):
            pid = self.log.workers[VICTIM]
            stop = self.stops and self.counts["died"] % self.STOPPED == self.STOPPED - 1
            watch = os.pidfd_open(pid)
            kill = Kill(stop)
            self.kills.append(kill)
            os.kill(pid, signal.SIGSTOP if stop else signal.SIGKILL)
            died = select.select([watch], [], [], 30)[0]
            kill.ended = time.monotonic()
            os.close(watch)
            self.counts["died"] += 1
            self.counts["stopped"] += stop
            if not died or not self.log.wait_for(lambda pid=pid: self.log.workers[VICTIM] != pid, 10):
                self.fail("a worker that was %s was not replaced" % ("stopped" if stop else "killed"))
                return
            if not stop:
                self.replaced_ms.append(1000 * (self.log.started[VICTIM] - kill.began))


class Operator(Disturber):
    """Reloads, updates, and asks how it is."""

    def __init__(self, daemon, web, period):
        super().__init__()
        self.daemon, self.web, self.period = daemon, web, period

    def ended(self):
        return self.daemon.log.tags["reloaded"] + self.daemon.log.tags["reload-failed"]

    def reload(self):
        before = self.ended()
        self.daemon.signal(signal.SIGHUP)
        if not self.daemon.log.wait_for(lambda: self.ended() > before, 60):
            self.fail("a reload did not end")
        self.counts["reloads"] += 1

    def update(self, broken=False):
        """From the web server: other lists, or an error page, with which those before have to stay."""
        self.web.version += 1
        self.web.broken = broken
        done = subprocess.run([os.path.join(BUILD, "quell-update"), "run", "-c", self.daemon.conf, "--control",
                               self.daemon.control, "--tries", "1"], capture_output=True, text=True, timeout=120)
        if done.returncode not in ((1, 3) if broken else (0,)):
            self.fail("quell-update: exit status %d: %s%s" % (done.returncode, done.stdout[-500:], done.stderr[-500:]))
        self.counts["updates"] += 1

    def disturb(self):
        for turn, _ in enumerate(self.every(self.period)):
            if turn % 2 == 0:
                self.reload()
            else:
                self.update(broken=turn % 8 == 7)
            for args in (["status"], ["stats"], ["why", "www.example"], ["flush", "www.example"]):
                if self.daemon.ctl(*args)[0] == 2:
                    self.fail("quellctl %s: no answer" % args[0])


class Malformed(Disturber):
    """Queries that were bent, over UDP."""

    TURN_S = .02

    def __init__(self, daemon, seed):
        super().__init__()
        self.daemon, self.random = daemon, random.Random(seed)

    def disturb(self):
        with self.daemon.udp_socket() as s:
            s.setblocking(False)
            for _ in self.every(self.TURN_S):
                for _ in range(int(MALFORMED_QPS * self.TURN_S)):
                    self.counts["sent"] += 1
                    with contextlib.suppress(BlockingIOError):
                        s.send(some_query(self.random, self.counts["sent"] & 0xffff))
                with contextlib.suppress(BlockingIOError):
                    while s.recv(4096):
                        pass


class Connections(Disturber):
    """TCP connections, more than are allowed: silent ones, halves of frames, a byte a second, clients that do not
    read, bent frames, and those that are reset with an answer under way."""

    TURN_S = .05
    KINDS = ("silent", "half", "slow", "deaf", "bent", "reset")

    def __init__(self, daemon, seed):
        super().__init__()
        self.daemon, self.random = daemon, random.Random(seed)
        self.open = {}  # socket: kind
        self.poll = select.poll()

    def connect(self):
        s = socket.socket()
        s.setblocking(False)
        kind = self.KINDS[self.counts["opened"] % len(self.KINDS)]
        self.counts["opened"] += 1
        self.open[s.fileno()] = s, kind
        s.connect_ex((self.daemon.host, self.daemon.port))
        self.poll.register(s, 0 if kind == "deaf" else select.POLLIN)
        question = frame(plain_query("www.example", 1, 7))
        first = {"silent": b"", "half": question[:9], "slow": question[:1], "deaf": question * 200, "reset": question,
                 "bent": b"".join(frame(some_query(self.random, 7)) for _ in range(5))}[kind]
        with contextlib.suppress(OSError):
            s.send(first)

    def close(self, fd):
        s, kind = self.open.pop(fd)
        self.poll.unregister(fd)
        if kind == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()

    def disturb(self):
        for turn, _ in enumerate(self.every(self.TURN_S)):
            for fd, what in self.poll.poll(0):
                with contextlib.suppress(BlockingIOError):
                    try:
                        if what == select.POLLIN and self.open[fd][0].recv(65536):
                            continue
                    except ConnectionError:
                        pass
                    self.close(fd)
            if turn % int(1 / self.TURN_S) == 0:
                for fd, (s, kind) in list(self.open.items()):
                    with contextlib.suppress(OSError):
                        if kind == "slow":
                            s.send(b"\0")
            for fd in self.random.sample(sorted(self.open), min(len(self.open), 5)):
                self.close(fd)
            for _ in range(min(CONNECTIONS - len(self.open), 50)):
                self.connect()
        for fd in list(self.open):
            self.close(fd)


# --- the list, on a web server ---

class Web(http.server.ThreadingHTTPServer):
    """The names that stay, and as many others with each version."""

    daemon_threads = True

    def __init__(self, listed):
        super().__init__(("127.0.0.1", 0), Page)
        self.listed, self.version, self.broken = listed, 0, False
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        web = self.server
        changing = ["v%d-%d.changing.test" % (web.version, i) for i in range(CHANGING)]
        text = ("<html>\n" if web.broken else "\n".join(web.listed + changing) + "\n").encode()
        self.send_response(500 if web.broken else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


# --- the run ---

UNPINNED = argparse.Namespace(server=None, load=None)  # there are two workers, and much that disturbs

COLUMNS = [
    ("time", 8), ("parent", 7), ("worker0", 8), ("worker1", 8), ("fds", 11), ("asked", 7), ("lost", 5), ("wrong", 6), ("p50", 6),
    ("p99", 7), ("p999", 8), ("max", 8), ("echo p99", 9), ("tcp", 6), ("lost", 5), ("random", 9), ("lost", 6), ("bent", 7),
    ("opened", 7), ("killed", 7), ("worst ms", 9), ("reloads", 8), ("updates", 8), ("log", 5)]


class Soak:
    def __init__(self, a, folder):
        self.seconds, self.seed, self.smoke, self.folder = a.seconds, a.seed, a.smoke, folder
        self.cpus = UNPINNED
        self.interval = min(60, a.seconds / 4)
        self.rows = []  # one for each interval
        self.samples = collections.defaultdict(list)  # of this interval
        self.seen = collections.Counter()  # what of the counters is in the rows
        self.make_queries()

    def file(self, name):
        return os.path.join(self.folder, name)

    def make_queries(self):
        """Those of the steady load: four of five open, and often the same."""
        rnd = random.Random(5)
        self.listed = names.made_up(LISTED - CHANGING, seed=1)
        some = names.unlisted(names.made_up(5000, seed=3), self.listed)
        opened = ["%s %s open" % (name, names.query_type(rnd)) for name in some]
        blocked = ["%s A blocked" % name for name in names.listed_and_below(rnd, self.listed, 10000)]
        mixed = names.popular(rnd, opened, 40000) + blocked
        rnd.shuffle(mixed)
        names.write(self.file("open"), opened)
        names.write(self.file("mixed"), mixed)
        names.write(self.file("silent"), ["silent.test A blocked"])  # nobody answers: SERVFAIL

    def start(self, stack):
        os.mkdir(self.file("state"))
        os.chmod(self.file("state"), 0o777)
        web = Web(self.listed)
        silent = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        silent.bind(("127.0.0.1", 0))
        upstream, self.floor = bench.Server(self, "upstream", listed=None), bench.Server(self, "echo", listed=None)
        stack.callback(upstream.stop)
        stack.callback(self.floor.stop)
        self.daemon = Daemon(
            ["127.0.0.1:%d" % upstream.port], args=("--workers", "2"),
            conf=CONF % {"folder": self.folder, "clients": TCP_CLIENTS_MAX, "web": web.port, "silent": silent.getsockname()[1]})
        stack.callback(self.daemon.kill)
        self.killer = Killer(self.daemon, min(10, self.seconds / 5))
        self.operator = Operator(self.daemon, web, min(10, self.seconds / 8))
        self.malformed, self.connections = Malformed(self.daemon, self.seed), Connections(self.daemon, self.seed + 1)
        self.disturbers = [self.killer, self.operator, self.malformed, self.connections]
        self.operator.update()

    def warm(self):
        """The caches are full, and nothing is under way: now it may not grow any more."""
        for _ in range(1 if self.smoke else 60):
            asker = self.ask("warm", "open", "-f", seconds=2)
            asker.reader.join()
            if asker.process.wait() != 0:
                sys.exit("soak.py: tests/bench/load does not work")
            if self.daemon.stats()["cache_evicted"] > 0:
                break
        if not self.smoke:
            time.sleep(TRIAL_S)
        self.rest = self.descriptors()

    def ask(self, name, file, *options, port=None, seconds=None, **more):
        return Asker(name, self.killer.kills, port or self.daemon.port, self.file(file), seconds or self.seconds, self.interval,
                     *options, **more)

    def pids(self):
        return [self.daemon.process.pid, *(self.daemon.log.workers[i] for i in (SURVIVOR, VICTIM))]

    def descriptors(self):
        found = []
        for pid in self.pids():
            try:
                found.append(len(os.listdir("/proc/%d/fd" % pid)))
            except OSError:
                found.append(0)
        return found

    def sample(self):
        """0: it has just been killed."""
        for i, (pid, n_fds) in enumerate(zip(self.pids(), self.descriptors())):
            for what, value in (("pss", bench.pss_kib(pid)), ("fds", n_fds)):
                if value:
                    self.samples[what, i].append(value)

    def since(self, what, now):
        """How much more of it than when last asked."""
        more, self.seen[what] = now - self.seen[what], now
        return more

    def row(self):
        """One more interval has ended for all who ask."""
        got = {name: asker.rows.popleft() for name, asker in self.askers.items()}
        middle = {key: statistics.median(values) for key, values in self.samples.items()}
        self.samples.clear()
        replaced, self.killer.replaced_ms = self.killer.replaced_ms, []
        row = {"steady": got["steady"], "echo": got["echo"], "pss": [middle.get(("pss", i), 0) for i in range(3)],
               "fds": [middle.get(("fds", i), 0) for i in range(3)], "lines": self.since("log", self.daemon.log.n)}
        self.rows.append(row)
        steady = got["steady"]
        print_row(
            "%ds" % (len(self.rows) * self.interval), *("%.1f" % (kib / 1024) for kib in row["pss"]),
            "/".join("%d" % n for n in row["fds"]), *(steady[key] for key in ("sent", "lost", "wrong", "p50", "p99", "p999", "max")),
            got["echo"]["p99"], got["tcp"]["sent"], got["tcp"]["lost"], got["random"]["sent"], got["random"]["lost"],
            self.since("bent", self.malformed.counts["sent"]), self.since("opened", self.connections.counts["opened"]),
            self.since("killed", self.killer.counts["died"]), "%.1f" % max(replaced, default=0),
            self.since("reloads", self.operator.counts["reloads"]), self.since("updates", self.operator.counts["updates"]),
            row["lines"])

    def run(self):
        for disturber in self.disturbers:
            disturber.start()
        self.since("log", self.daemon.log.n)
        # A smoke may be of a machine that has little time for it.
        late = {"open_s": PATIENCE_S if self.smoke else OPEN_S}
        self.askers = {
            "steady": self.ask("steady", "mixed", "-r", str(STEADY_QPS), **late),
            "echo": self.ask("echo", "mixed", "-r", str(STEADY_QPS), "-b", "0", port=self.floor.port),
            "tcp": self.ask("tcp", "mixed", "-t", "-c", "4", "-r", str(STEADY_QPS // 10), closing_s=CLOSING_S, **late),
            "random": self.ask("random", "open", "-f", "-w", str(WINDOW), **late),
            "silent": self.ask("silent", "silent", "-f", "-r", "20", open_s=max(SILENT_S, late["open_s"]))}
        print_row(*(title for title, _ in COLUMNS))
        self.watch(time.monotonic() + self.seconds)
        for disturber in self.disturbers:
            disturber.stop()
        for asker in self.askers.values():
            asker.reader.join()
        # What came a moment after the last interval is in the totals alone.
        if self.complete() and len(self.rows) * self.interval < self.seconds:
            self.row()

    def watch(self, end):
        while time.monotonic() < end and self.daemon.process.poll() is None:
            time.sleep(self.interval / 30)
            self.sample()
            if self.complete():
                self.row()

    def complete(self):
        return all(asker.rows for asker in self.askers.values())

    def rested(self):
        stats = self.daemon.stats()
        return {key: stats[key] for key in ("in_flight", "tcp_clients", "tcp_buffered") if stats[key]}


def print_row(*cells):
    print(" ".join(str(cell).rjust(width) for cell, (_, width) in zip(cells, COLUMNS)), flush=True)


# --- the verdict ---

class Verdict:
    def __init__(self):
        self.good = True

    def say(self, good, text):
        self.good = self.good and good
        print("%s %s" % ("ok  " if good else "FAIL", text), flush=True)


def quarter(rows, last, of):
    """The median over the first or the last quarter."""
    n = max(1, len(rows) // 4)
    return statistics.median(map(of, rows[-n:] if last else rows[:n]))


def judge_losses(verdict, soak):
    for name, asker in soak.askers.items():
        total = asker.total
        verdict.say(total["wrong"] == 0 and total["answered"] > 0, "%s: %d asked, %d answered, %d wrong" % (
            name, total["sent"], total["answered"], total["wrong"]))
        explained = total["lost"] - total["unexplained"]
        verdict.say(total["unexplained"] == 0, "%s: %d lost, %d of them open questions of %d killed workers (the oldest %.0f ms old), "
                    "%d not explained" % (name, total["lost"], explained, soak.killer.counts["died"], asker.oldest_s * 1000,
                                          total["unexplained"]))
        for text in asker.unexplained:
            print("     lost: " + text)
    if dropped(soak.daemon.port):
        print("     %d packets were dropped since quelld's socket was full (its size is bounded by net.core.rmem_max)"
              % dropped(soak.daemon.port))


def dropped(port):
    with open("/proc/net/udp", encoding="ascii") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return sum(int(row[-1]) for row in rows if int(row[1].split(":")[1], 16) == port)


def judge_processes(verdict, soak):
    log, died = soak.daemon.log, soak.killer.counts["died"]
    verdict.say(soak.daemon.process.poll() is None, "quelld runs")
    verdict.say(log.tags["worker-died"] == died > 0 and log.workers[SURVIVOR] == soak.survivor,
                "%d workers died, of which %d were killed and %d stopped until quelld found them" % (
                    log.tags["worker-died"], died - soak.killer.counts["stopped"], soak.killer.counts["stopped"]))
    verdict.say(log.tags["reload-failed"] == 0 and soak.operator.counts["reloads"] > 0, "%d reloads, %d updates, %d of all failed" % (
        soak.operator.counts["reloads"], soak.operator.counts["updates"], log.tags["reload-failed"]))
    verdict.say(not log.errors, "%d lines of the log, %d of them errors: %s" % (
        log.n, len(log.errors), ", ".join("%s %d" % of for of in log.tags.most_common())))
    trouble = [text for disturber in soak.disturbers for text in disturber.trouble]
    verdict.say(not trouble, "those who disturb did what they should")
    for text in [*log.errors, *trouble]:
        print("     " + text)


def judge_rest(verdict, soak):
    end = time.monotonic() + REST_S
    while (soak.rested() or soak.descriptors()[0] > soak.rest[0]) and time.monotonic() < end:
        time.sleep(.2)
    left = soak.rested()
    verdict.say(not left, "at rest nothing is under way: %s" % (left or "no question, no connection"))
    if not soak.rest[0]:
        print("     descriptors are not judged: only root may count them")
        return
    verdict.say(soak.descriptors()[0] <= soak.rest[0], "at rest the parent has %d descriptors, %d before" % (
        soak.descriptors()[0], soak.rest[0]))


def judge_growth(verdict, soak):
    """Of the last quarter against the first."""
    rows = soak.rows
    for i, who in ((0, "parent"), (1 + SURVIVOR, "worker %d" % SURVIVOR), (1 + VICTIM, "worker %d" % VICTIM)):
        first, last = (quarter(rows, late, lambda row: row["pss"][i]) for late in (False, True))
        verdict.say(0 < last <= first + max(512, .03 * first), "memory of %s: %.2f MiB, then %.2f" % (who, first / 1024, last / 1024))
        first, last = (quarter(rows, late, lambda row: row["fds"][i]) for late in (False, True))
        verdict.say(last <= 1.1 * first + 8, "descriptors of %s: %d, then %d" % (who, first, last))
    first, last = (quarter(rows, late, lambda row: row["lines"]) for late in (False, True))
    verdict.say(last <= 1.5 * first + 10, "lines of the log in an interval: %d, then %d" % (first, last))
    for key in ("p50", "p99"):
        first, last = (quarter(rows, late, lambda row: row["steady"][key]) for late in (False, True))
        before, after = (quarter(rows, late, lambda row: row["echo"][key]) for late in (False, True))
        # By so much the machine became slower, as an echo server beside it shows.
        drift = max(1, after / max(before, 1))
        verdict.say(last <= 1.5 * drift * first + 500, "%s: %d us, then %d; of the echo server: %d, then %d" % (
            key, first, last, before, after))


def judge(soak):
    verdict = Verdict()
    judge_processes(verdict, soak)
    judge_losses(verdict, soak)
    if soak.daemon.process.poll() is None:
        judge_rest(verdict, soak)
    if not soak.smoke:
        judge_growth(verdict, soak)
    return verdict.good


def main():
    ap = argparse.ArgumentParser(description="quell at full load, with all that it has to bear at once.")
    ap.add_argument("--seconds", type=float, default=1200, help="how long (1200)")
    ap.add_argument("--seed", type=int, default=int(time.time()), help="of the bent packets and connections (the time)")
    ap.add_argument("--smoke", action="store_true", help="judge counts alone: not memory, descriptors and latencies")
    a = ap.parse_args()
    own = bench.enter_namespace()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("soak.py: ended"))
    print("%g s, seed %d, %s" % (a.seconds, a.seed, "a network namespace of its own" if own else "the loopback of all"), flush=True)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="quell-soak-"))
        os.chmod(folder, 0o755)
        soak = Soak(a, folder)
        soak.start(stack)
        soak.warm()
        soak.survivor = soak.daemon.log.workers[SURVIVOR]
        soak.run()
        good = judge(soak)
        if soak.daemon.process.poll() is None:
            soak.daemon.stop()
    print("good" if good else "NOT good", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
