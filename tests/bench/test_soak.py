#!/usr/bin/python3
"""The soak, for seconds: with everything at once nothing is answered wrongly, and nothing is lost but what a killed
worker had in its hands.  And that it sees what is wrong."""

import collections
import contextlib
import io
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]

import harness
import soak
from harness import WRAPPER, Skip, equal, main, test

harness.tests.clear()  # those of test_mutations, whose packets the soak uses


@test
def test_soak():
    """Kills, reloads, updates, floods and bent packets at once: no wrong answer, no loss that is not explained"""
    if WRAPPER:
        raise Skip("not behind a wrapper")
    r = subprocess.run([sys.executable, os.path.join(HERE, "soak.py"), "--seconds", "10", "--smoke"], capture_output=True, text=True)
    equal(r.returncode, 0, r.stdout + r.stderr)
    for row in r.stdout.splitlines():
        print("# " + row)


class Log:
    def __init__(self):
        self.n, self.tags, self.errors, self.workers = 10, collections.Counter({"worker-died": 2}), [], {soak.SURVIVOR: 7}


class Process:
    @staticmethod
    def poll():
        return None


class Told:
    """A soak that has ended, of which the test says how it went."""

    def __init__(self):
        self.daemon = type("Daemon", (), {"log": Log(), "process": Process, "port": 0})()
        self.survivor = 7
        self.killer = type("Killer", (), {"counts": collections.Counter(died=2), "trouble": []})()
        self.operator = type("Operator", (), {"counts": collections.Counter(reloads=3, updates=3), "trouble": []})()
        self.disturbers = [self.killer, self.operator]
        self.rows = [{"pss": [1000, 7000, 6000], "fds": [16, 1500, 1200], "lines": 30,
                      "steady": {"p50": 200, "p99": 3000}, "echo": {"p50": 50, "p99": 900}} for _ in range(8)]


def verdict(judge, change):
    told, said = Told(), soak.Verdict()
    change(told)
    with contextlib.redirect_stdout(io.StringIO()):
        judge(said, told)
    return said.good


@test
def test_growth_is_seen():
    """More memory, descriptors, lines or time in the last quarter than in the first is wrong; a slower machine is not"""
    def late(**more):
        def change(told):
            for row in told.rows[-2:]:
                row.update(more)
        return change

    assert verdict(soak.judge_growth, lambda told: None)
    for change in ({"pss": [1000, 7600, 6000]}, {"pss": [1600, 7000, 6000]}, {"fds": [30, 1500, 1200]}, {"lines": 60},
                   {"steady": {"p50": 900, "p99": 3000}}, {"steady": {"p50": 200, "p99": 6000}}):
        assert not verdict(soak.judge_growth, late(**change)), change
    assert verdict(soak.judge_growth, late(steady={"p50": 200, "p99": 6000}, echo={"p50": 50, "p99": 1800}))
    # One bad minute is none.
    assert verdict(soak.judge_growth, lambda told: told.rows[-1].update(pss=[1000, 7400, 6000]))


@test
def test_deaths_are_seen():
    """A worker that died of itself, an error in the log, a reload that failed, and what could not be disturbed are wrong"""
    assert verdict(soak.judge_processes, lambda told: None)
    for change in (lambda told: told.daemon.log.tags.update(["worker-died"]),
                   lambda told: told.daemon.log.workers.update({soak.SURVIVOR: 8}),
                   lambda told: told.daemon.log.errors.append("error image cannot be used"),
                   lambda told: told.daemon.log.tags.update(["reload-failed"]),
                   lambda told: told.killer.trouble.append("a worker was not replaced")):
        assert not verdict(soak.judge_processes, change)


class Silence(soak.Asker):
    """Asks nobody: its losses are the test's."""

    def __init__(self, kills, **more):
        self.name, self.kills, self.total, self.unexplained, self.oldest_s = "steady", kills, collections.Counter(), [], 0
        self.open_s, self.closing_s = more.get("open_s", soak.OPEN_S), more.get("closing_s", 0)


@test
def test_losses_are_explained():
    """A loss is explained by a worker that was killed while the question could be in its hands, and by nothing else"""
    kill = soak.Kill()
    kill.began, kill.ended = 100.0, 100.01
    for sent, explained in ((99.4, False), (99.6, True), (100.005, True), (100.02, False), (150, False)):
        asker = Silence([kill])
        asker.lose(str(sent), "name.")
        equal(asker.total["unexplained"], 0 if explained else 1, "sent at %g" % sent)
    equal(kill.lost["steady"], 2, "losses by the kill")
    # One that is stopped takes no questions any more, but its connections end with it.
    stop = soak.Kill(stop=True)
    stop.began, stop.ended = 100.0, 102.5
    for sent, closing_s, explained in ((99.6, 0, True), (101, 0, False), (101, .25, True), (102.7, .25, True), (103, .25, False)):
        equal(stop.explains(sent, soak.OPEN_S, closing_s), explained, "sent at %g" % sent)
    asker = Silence([])
    asker.lose("100", "name.")
    equal(asker.total["unexplained"], 1, "without a kill")


if __name__ == "__main__":
    main()
