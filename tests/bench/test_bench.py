#!/usr/bin/python3
"""Measuring works: every load is answered rightly, what is written has its shape, and what is wrong is seen."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]

import bench
import micro
import plot
import spent
from harness import equal, main, test


def load(port, *options, blocked=False):
    """What tests/bench/load says of 100 queries, asked once."""
    with tempfile.NamedTemporaryFile("w") as f:
        f.writelines("name%d.example A %s\n" % (i, "blocked" if blocked else "open") for i in range(100))
        f.flush()
        r = subprocess.run([os.path.join(bench.TOOLS, "load"), "-o", *options, "127.0.0.1", str(port), f.name, "10"],
                           capture_output=True, text=True, check=True)
    return json.loads(r.stdout)


def echo(kind):
    """An echo server, and its port."""
    port = bench.free_port()
    process = subprocess.Popen([os.path.join(bench.TOOLS, "echo"), kind, "127.0.0.1", str(port)])
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
            s.settimeout(1)
            try:
                s.connect(("127.0.0.1", port))
                s.send(b"\0\14" + bytes(12) if kind == "tcp" else bytes(12))
                if s.recv(14):
                    return process, port
            except ConnectionRefusedError:
                continue


@test
def bench_writes_what_it_says():
    """bench.py measures quell under all loads, all answers are right, and table, JSON and plot are whole"""
    with tempfile.TemporaryDirectory() as folder:
        written, drawn = os.path.join(folder, "json"), os.path.join(folder, "svg")
        r = subprocess.run([sys.executable, os.path.join(HERE, "bench.py"), "--smoke", "--only", "quell", "--json", written,
                            "--svg", drawn], capture_output=True, text=True)
        equal(r.returncode, 0, r.stderr)
        with open(written, encoding="utf-8") as f:
            results = json.load(f)["results"]
        picture = xml.etree.ElementTree.parse(drawn).getroot()
    equal(list(results), ["quell", "echo"])
    equal(list(results["quell"]["loads"]), list(bench.LOADS))
    for name, of in [*results["quell"]["loads"].items(), ("latency", results["quell"]["latency"])]:
        assert of["answered"] > 0, name
        equal(of["wrong"], 0, name)
    for of in results["quell"]["loads"].values():
        assert of["cpu_us"] > 0 and of["ratio"] > 0 and of["pairs"]
    late = [results["quell"]["latency"][key] for key in plot.PERCENTILES]
    equal(late, sorted(late))
    alone = results["quell"]
    equal(alone["swaps"]["swaps"], bench.MODES["smoke"]["swaps"])
    for of in (alone["swaps"]["still"], alone["swaps"]["swapped"],
               *(alone[what][load] for what in ("two_workers", "growth") for load in bench.BASIC)):
        assert of["answered"] > 0
        equal(of["wrong"], 0)
    assert 0 < alone["pss_bare_mib"]
    assert picture.tag.endswith("svg")
    said = [of.text for of in picture.iter() if of.tag.endswith("text")]
    for load_name in bench.LOADS:
        assert load_name in said and load_name in r.stdout


@test
def spent_knows_what_time_is_spent_on():
    """spent.py takes each sample of perf for what it was called for, and instructions to the file they stand in"""
    kernel, quelld = "([kernel.kallsyms])", "(/usr/sbin/quelld)"
    stacks = [["udp_sendmsg " + kernel, "__x64_sys_sendmmsg " + kernel, "do_syscall_64 " + kernel, "sendmmsg (/lib/libc.so.6)"],
              ["sock_wfree " + kernel, "__x64_sys_recvmmsg " + kernel, "do_syscall_64 " + kernel],
              ["sys_close " + kernel, "do_syscall_64 " + kernel], ["handle_softirqs " + kernel, "trie_blocks " + quelld],
              ["trie_blocks+0x20 " + quelld, "query_ask " + quelld], ["memcpy (/lib/libc.so.6)", "query_ask " + quelld],
              ["name_len " + quelld], ["name_len " + quelld]]
    got = spent.shares("\n\n".join("\n".join("\t    ffff%x %s" % (i, frame) for i, frame in enumerate(stack))
                                   for stack in stacks))
    equal({row: share * 8 / 100 for row, share in got.items()},
          {"send": 1, "receive": 1, "wait": 0, "other system calls": 1, "interrupts": 1, "libc, libevent": 1, "quelld": 3})
    equal(spent.shares(""), None)
    with tempfile.NamedTemporaryFile("w") as f:
        f.write("events: Ir\n\nfl=(1) /x/resolver/core/query.c\nfn=(1) one\n10 6\nfi=(2) /x/lib/dns/name.c\n+3 4\n"
                "fe=(1)\n12 2\ncfi=(3) ./string/memcpy.S\ncfn=(2) two\ncalls=2 0\n12 100\n\nfl=(3)\nfn=(2)\n* 20\n")
        f.flush()
        equal(spent.by_file(f.name, 2), {"resolver/core/query.c": 4, "lib/dns/name.c": 2, "libc": 10})


@test
def load_counts_answers():
    """The load generator gets an answer to each query, over UDP and TCP, and sees whether it is the one expected"""
    for kind, options in (("udp", []), ("tcp", ["-t"])):
        process, port = echo(kind)
        try:
            got = load(port, *options)
            equal([got[key] for key in ("sent", "answered", "lost", "wrong")], [100, 100, 0, 0], kind)
            # An echo has RCODE 0.
            got = load(port, *options, blocked=True)
            equal([got[key] for key in ("answered", "wrong")], [100, 100], kind)
            equal(load(port, *options, "-b", "0", "-f", "-e", blocked=True)["wrong"], 0, kind)
        finally:
            process.kill()
            process.wait()


@test
def load_counts_losses():
    """A query without an answer is lost"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        got = load(silent.getsockname()[1])
    equal([got[key] for key in ("sent", "answered", "lost")], [100, 0, 100])


@test
def micro_runs_every_case():
    """micro measures each of its cases"""
    cases = subprocess.run([micro.MICRO, "--cases"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(cases) > 10
    with tempfile.TemporaryDirectory() as folder:
        inputs = micro.prepare(folder, ["ads%d.example.com" % i for i in range(50)])
        for case in (line.split("\t")[0] for line in cases):
            r = subprocess.run([micro.MICRO, *inputs, case, "1"], capture_output=True, text=True)
            equal(r.returncode, 0, case + r.stderr)
            got = json.loads(r.stdout)
            equal(got["case"], case)
            assert got["names"] > 1000 and got["ns"] > 0


@test
def instructions_are_kept():
    """docs/bench/instructions.json has each case"""
    with open(micro.KEPT, encoding="utf-8") as f:
        kept = json.load(f)["instructions"]
    cases = subprocess.run([micro.MICRO, "--cases"], capture_output=True, text=True, check=True).stdout.splitlines()
    equal(sorted(kept), sorted(line.split("\t")[0] for line in cases))


if __name__ == "__main__":
    main()
