"""quellctl cache and upstreams, with two workers: what each knows, for people and for programs."""

import json
import time

import dns.flags
import dns.name
import dns.rcode

from harness import (
    WAIT_SECONDS, FakeUpstream, Later, Quelld, address_of, addresses, assert_blocked, assert_rcode, check_answer,
    equal, main, one_worker, query, reply_to, test, to_wire, usual_reply)

TWO = ("--workers", "2")


def ctl(daemon, *words):
    status, text = daemon.ctl(*words)
    equal(status, 0, text)
    return text


def cached(daemon, *words):
    """The object, and its answers by type, DO and worker."""
    got = json.loads(ctl(daemon, "--json", "cache", *words))
    return got, {(a["type"], a["dnssec_ok"], a["worker"]): a for a in got["answers"]}


def upstreams(daemon):
    return {u["address"]: u for u in json.loads(ctl(daemon, "--json", "upstreams"))["upstreams"]}


def ask_both(daemon, name, rdtype="A", **kwargs):
    """Ask until both workers have it: the kernel deals connections out by their ports."""
    limit = time.monotonic() + WAIT_SECONDS
    while {a["worker"] for a in cached(daemon, name, rdtype)[0]["answers"]} != {0, 1}:
        assert time.monotonic() < limit, "one worker is never asked"
        daemon.ask(name, rdtype, tcp=True, **kwargs)


@test
def test_cache():
    """What each worker has, of all kinds, and the verdict now; to look does not count as a use"""
    with FakeUpstream() as upstream, Quelld([upstream], lists=["0.0.0.0 ads.example\n"], args=TWO) as daemon:
        got, answers = cached(daemon, "a.example")
        equal((got["name"], got["verdict"], got["note"], answers),
              ("a.example", "not listed", ["nothing is in the cache"], {}))
        ask_both(daemon, "a.example.")
        daemon.ask("a.example.", "TXT", do=True)
        got, answers = cached(daemon, "A.Example.")
        equal(len(answers), 3)
        for worker in (0, 1):
            a = answers["A", False, worker]
            equal((a["state"], a["rcode"], a["class"], a["life_s"], a["prefetched"], a["checking_disabled"]),
                  ("fresh", "NOERROR", "IN", 300, False, False))
            equal(a["ttl_s"] + a["age_s"], 300)
            equal(a["records"], ["a.example. %d IN A %s" % (a["ttl_s"], address_of("a.example."))])
        text, = [a for a in got["answers"] if a["type"] == "TXT"]
        equal((text["dnssec_ok"], text["records"]), (True, ['a.example. %d IN TXT "a text"' % text["ttl_s"]]))
        equal(sum(a["uses"] for a in answers.values()), daemon.stats()["cache_hits"])
        equal(set(cached(daemon, "a.example", "txt")[1]), {("TXT", True, text["worker"])})
        equal(cached(daemon, "b.a.example")[1], {})
        said = ctl(daemon, "cache", "a.example")
        assert "answer              A\n  class             IN\n  worker            0\n  state             fresh\n" in said, said
        # The verdict is that of now.
        ctl(daemon, "block", "a.example")
        got, answers = cached(daemon, "a.example")
        equal({got["verdict"]} | {a["verdict"] for a in answers.values()}, {"blocked"})
        equal(len(answers), 3)
        equal(cached(daemon, "ads.example")[0]["verdict"], "blocked")
        equal(ctl(daemon, "flush", "a.example").split(), ["flushed", "3"])
        equal(cached(daemon, "a.example")[1], {})


@test
def test_withheld():
    """Answers that lead to what a list has, and a "no" with its SOA"""
    def handle(ask):
        name = ask.query.question[0].name
        if ask.name.startswith("shop."):
            return reply_to(ask.query, "%s 300 IN CNAME x.ads.example." % name, "x.ads.example. 60 IN A 192.0.2.9")
        return reply_to(ask.query, rcode=dns.rcode.NXDOMAIN, authority=["example. 50 IN SOA a.example. b.example. 1 2 3 4 50"])

    with FakeUpstream(handle) as upstream, Quelld([upstream], lists=["0.0.0.0 x.ads.example\n"], args=TWO) as daemon:
        assert_blocked(daemon.ask("shop.example."))
        a, = cached(daemon, "shop.example")[0]["answers"]
        equal(a["verdict"], "blocked (its answer leads to x.ads.example)")
        equal((a["life_s"], len(a["records"])), (60, 2))
        assert_rcode(daemon.ask("no.example.", "MX"), "NXDOMAIN")
        a, = cached(daemon, "no.example")[0]["answers"]
        equal((a["type"], a["rcode"], a["life_s"]), ("MX", "NXDOMAIN", 50))
        equal(a["records"], ["example. %d IN SOA a.example. b.example. 1 2 3 4 50" % a["ttl_s"]])


@test
def test_other_kinds():
    """Types without a name when asked for, CD, another class"""
    def handle(ask):
        question = ask.query.question[0]
        return reply_to(ask.query, "%s 300 %s TYPE%d \\# 2 0102" % (
            question.name, {1: "IN", 4: "HS"}[question.rdclass], question.rdtype))

    with FakeUpstream(handle) as upstream, Quelld([upstream]) as daemon:
        daemon.ask("a.example.", "TYPE65400")
        daemon.ask("a.example.", "TYPE110")
        q = query("a.example.", "TYPE111")
        q.flags |= dns.flags.CD
        daemon.ask(q)
        q = query("a.example.", "TYPE112")
        q.question[0].rdclass = 4
        check_answer(q, daemon.ask_wire(to_wire(q)))
        got = [(a["type"], a["class"], a["checking_disabled"]) for a in cached(daemon, "a.example")[0]["answers"]]
        equal(got, [("TYPE110", "IN", False), ("TYPE111", "IN", True), ("TYPE112", "HS", False)])
        a, = cached(daemon, "a.example", "TYPE65400")[0]["answers"]
        equal(a["records"], ["a.example. %d IN TYPE65400 \\# 2 0102" % a["ttl_s"]])


@test
def test_hostile():
    """Escape sequences in names and records reach no terminal"""
    name = "\\027[2J\\010x.example."

    def handle(ask):
        return reply_to(ask.query, '%s 300 IN TXT "\\027]0;x\\007\\200"' % ask.query.question[0].name)

    with FakeUpstream(handle) as upstream, Quelld([upstream]) as daemon:
        daemon.ask(name, "TXT")
        for words in (("cache", name), ("--json", "cache", name)):
            said = ctl(daemon, *words)
            assert all(" " <= c <= "~" or c == "\n" for c in said), ascii(said)
            assert '027]0;x' in said, said
        equal(json.loads(said)["answers"][0]["records"][0].split(" ", 4)[4], '"\\027]0;x\\007\\200"')


@test
def test_old_and_failed():
    """An answer whose time is over, a failure of a moment ago, and a question on its way"""
    dark = []

    def handle(ask):
        if dark:
            return Later(2, reply_to(ask.query, rcode=dns.rcode.SERVFAIL)) if ask.name.startswith("slow.") else \
                reply_to(ask.query, rcode=dns.rcode.SERVFAIL)
        return reply_to(ask.query, "%s 1 IN A 192.0.2.1" % ask.query.question[0].name)

    with FakeUpstream(handle) as upstream, Quelld([upstream], conf="stale = yes\n") as daemon:
        daemon.ask("old.example.")
        dark.append(True)
        time.sleep(1.1)  # time is what this is about
        a, = cached(daemon, "old.example")[0]["answers"]
        equal((a["state"], a["ttl_s"], a["records"]), ("stale", 0, ["old.example. 0 IN A 192.0.2.1"]))
        assert "failure" not in a
        equal(addresses(daemon.ask("old.example.")), ["192.0.2.1"])
        a, = cached(daemon, "old.example")[0]["answers"]
        equal((a["state"], a["failure"]), ("stale", "SERVFAIL"))
        assert 0 <= a["failure_age_ms"] < 30000
        assert_rcode(daemon.ask("new.example."), "SERVFAIL")
        a, = cached(daemon, "new.example")[0]["answers"]
        equal((a["state"], a["failure"], a["records"]), ("none", "SERVFAIL", []))
        with daemon.udp_socket() as s:
            s.send(to_wire(query("slow.example.")))
            upstream.wait_asked("slow.example.")
            a, = cached(daemon, "slow.example")[0]["answers"]
            equal((a["state"], a["asked_upstream"]), ("none", True))
            s.recv(4096)


@test
def test_upstreams():
    """Counters and round trips of both workers together; what each has found out by itself"""
    def refuse(ask):
        return reply_to(ask.query, rcode=dns.rcode.REFUSED)

    def cut(ask):
        r = usual_reply(ask)
        if ask.transport == "udp":
            r.flags |= dns.flags.TC
        return r

    with FakeUpstream() as good, FakeUpstream(refuse) as bad, FakeUpstream(cut) as router, FakeUpstream(lambda ask: None) as dead:
        conf = 'strategy = strict\ngroup "far" { upstream = {"%s"} }\nforward "lan" { upstream = {"%s"} }\n' \
            'forward "dead" { upstream = {"%s"} }\n' % (router.address, router.address, dead.address)
        with Quelld([bad, good], conf=conf, args=TWO) as daemon:
            u = upstreams(daemon)
            equal(list(u), [bad.address, good.address, router.address, dead.address])
            for one in u.values():
                equal((one["state"], one["asked"], one["share_permille"], one["rtt_p99_ms"]), ("good", 0, 0, 0))
                equal([w["worker"] for w in one["workers"]], [0, 1])
            ask_both(daemon, "a.example.")
            daemon.ask("nas.lan.")
            u = upstreams(daemon)
            equal((u[bad.address]["asked"], u[bad.address]["refused"], u[bad.address]["zones"]), (2, 2, ["."]))
            equal((u[good.address]["asked"], u[good.address]["answered"], u[good.address]["refused"]), (2, 2, 0))
            equal((u[router.address]["asked"], u[router.address]["truncated"], u[router.address]["tcp"]), (2, 1, 1))
            equal([one["share_permille"] for one in u.values()], [333, 333, 333, 0])
            equal((u[router.address]["zones"], u[dead.address]["zones"]), (["lan"], ["dead"]))
            equal([(one["groups"], one["transport"]) for one in u.values()],
                  [([], "udp"), ([], "udp"), (["far"], "udp"), ([], "udp")])
            one = u[good.address]
            assert 1 <= one["rtt_p50_ms"] <= one["rtt_p95_ms"] <= one["rtt_p99_ms"], one
            assert all(w["rtt_ms"] >= 1 and w["edns"] and w["letter_case"] for w in one["workers"]), one
            # One worker finds out that it is away; the other does not know.
            assert_rcode(daemon.ask("x.dead."), "SERVFAIL")
            assert_rcode(daemon.ask("x.dead.", "AAAA"), "SERVFAIL")
            one = upstreams(daemon)[dead.address]
            assert one["asked"] >= one["failed"] == one["timeouts"] >= 4, one
            assert one["state"] == min((w["state"] for w in one["workers"]), key=["good", "suspect", "away"].index), one
            away = [w for w in one["workers"] if w["state"] == "away"]
            assert away or {w["state"] for w in one["workers"]} == {"suspect"}, one
            assert all(w["away_ms"] >= 0 and w["probe_in_ms"] <= 1000 for w in away), one
            said = ctl(daemon, "upstreams")
            assert "upstream            %s\n  zone              .\n  transport         udp\n  state             good\n" % bad.address in said, said
            assert "  share             " in said and "    letter_case     true\n" in said, said


@test
def test_learnt():
    """No EDNS, and letter case that is not kept, are shown when they were found out"""
    one_worker()
    def old(ask):
        if ask.query.edns >= 0:
            return reply_to(ask.query, rcode=dns.rcode.FORMERR, edns=False)
        return usual_reply(ask)

    def lower(ask):
        ask.query.question[0].name = dns.name.from_text(ask.name)
        return usual_reply(ask)

    for handler, learnt, counter in ((old, "edns", "formerr"), (lower, "letter_case", "mismatched")):
        with FakeUpstream(handler) as upstream, Quelld([upstream]) as daemon:
            for i in range(3):
                name = "a-name-of-many-letters-%d.example." % i
                equal(addresses(daemon.ask(name)), [address_of(name)])
            one = upstreams(daemon)[upstream.address]
            worker, = one["workers"]
            equal({key: worker[key] for key in ("edns", "letter_case")},
                  {key: key != learnt for key in ("edns", "letter_case")})
            equal(one[counter], {"formerr": 1, "mismatched": 2}[counter])


@test
def test_flush():
    """One name, what is below it, all: of both workers, and asked for anew"""
    names = ["a.example.", "www.a.example.", "b.www.a.example.", "xa.example."]
    with FakeUpstream() as upstream, Quelld([upstream], args=TWO) as daemon:
        def flushed(*words, left):
            for name in names:
                ask_both(daemon, name)
            got = ctl(daemon, "flush", *words).split()
            equal([name for name in names if cached(daemon, name)[1]], left)
            return int(got[1])

        equal(flushed("WWW.a.example", left=[names[0]] + names[2:]), 2)
        equal(flushed("--below", "www.a.example", left=[names[0], names[3]]), 4)
        equal(flushed("a.example.", "--below", left=names[3:]), 6)
        equal(flushed("--below", ".", left=[]), 8)
        equal(flushed("--all", left=[]), 8)
        asked = len(upstream.asks)
        daemon.ask(names[0])
        equal(len(upstream.asks), asked + 1)


@test
def test_usage():
    """What is no name or no type is refused; no upstream is no error"""
    with Quelld([]) as daemon:
        equal(daemon.ctl("cache", "a..b")[0], 1)
        equal(daemon.ctl("cache", "a.example", "NONSENSE")[0], 1)
        equal(daemon.ctl("cache")[0], 2)
        equal(daemon.ctl("upstreams", "x")[0], 2)
        equal(daemon.ctl("cache", "a.example")[0], 0)


if __name__ == "__main__":
    main()
