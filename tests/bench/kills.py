#!/usr/bin/python3
"""How long a killed worker is missed, and what is lost with it: kills under load, one after the other.

    kills.py [--kills N] [--flood]

Asks 500 a second, and with --flood besides as many new names as are answered.  "Replaced" is from the kill to the line
in the log; "answered" to the answer to a question that was sent right after the kill, unless the dying worker took it along.
"""

import argparse
import contextlib
import os
import random
import select
import signal
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]

import bench
import names
from harness import plain_query
from soak import STEADY_QPS, UNPINNED, Asker, Daemon, Kill

LIFE_S = .7  # shorter lives would be a crash loop, which is slowed down


def kill_one(daemon, socket):
    """(kill, ms until the next was started, ms until it answered, or None where the question was taken along)"""
    pid = daemon.log.workers[0]
    watch = os.pidfd_open(pid)
    kill = Kill()
    os.kill(pid, signal.SIGKILL)
    socket.send(plain_query("listed.test", 1, 7))
    answered = None
    with contextlib.suppress(TimeoutError):
        socket.recv(512)
        answered = time.monotonic()
    select.select([watch], [], [])
    os.close(watch)
    kill.ended = time.monotonic()
    daemon.log.wait_for(lambda: daemon.log.workers[0] != pid, 10)
    return kill, 1000 * (daemon.log.started[0] - kill.began), answered and 1000 * (answered - kill.began)


def spread(values):
    values = sorted(values)
    return "median %.1f, 9 of 10 within %.1f, most %.1f" % (
        statistics.median(values), values[len(values) * 9 // 10], values[-1])


def main():
    ap = argparse.ArgumentParser(description="How long a killed worker is missed.")
    ap.add_argument("--kills", type=int, default=100)
    ap.add_argument("--flood", action="store_true", help="with as many new names as are answered")
    a = ap.parse_args()
    bench.enter_namespace()
    seconds = a.kills * (LIFE_S + .3) + 10
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="quell-kills-"))
        os.chmod(folder, 0o755)
        place = argparse.Namespace(folder=folder, cpus=UNPINNED)
        upstream = bench.Server(place, "upstream", listed=None)
        stack.callback(upstream.stop)
        rnd = random.Random(5)
        opened = names.made_up(1000, seed=3)
        queries = os.path.join(folder, "queries")
        names.write(queries, ["%s A open" % name for name in names.popular(rnd, opened, 5000)] + ["listed.test A blocked"] * 1000)
        fresh = os.path.join(folder, "open")
        names.write(fresh, ["%s A open" % name for name in opened])
        daemon = stack.enter_context(Daemon(["127.0.0.1:%d" % upstream.port], ["listed.test\n"]))
        kills = []
        askers = [Asker("steady", kills, daemon.port, queries, seconds, seconds, "-r", str(STEADY_QPS))]
        if a.flood:
            askers.append(Asker("flood", kills, daemon.port, fresh, seconds, seconds, "-f"))
        replaced, answered = [], []
        socket = stack.enter_context(daemon.udp_socket())
        for _ in range(a.kills):
            time.sleep(LIFE_S)
            kill, replaced_ms, answered_ms = kill_one(daemon, socket)
            kills.append(kill)
            replaced.append(replaced_ms)
            if answered_ms is not None:
                answered.append(answered_ms)
        for asker in askers:
            asker.reader.join()
        print("%d kills; ms until replaced: %s; until answered: %s (%d taken along)" % (
            a.kills, spread(replaced), spread(answered), a.kills - len(answered)))
        for asker in askers:
            print("%s: %d asked, %d wrong, %d lost, of which %d not explained; with one worker at most %d" % (
                asker.name, asker.total["sent"], asker.total["wrong"], asker.total["lost"], asker.total["unexplained"],
                max(kill.lost[asker.name] for kill in kills)))
    return any(asker.total["wrong"] or asker.total["unexplained"] for asker in askers)


if __name__ == "__main__":
    sys.exit(main())
