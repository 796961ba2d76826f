"""The network goes away and comes back: what is known is answered meanwhile, the rest refused in time, and all is well at once after."""

import contextlib
import time

import dns.rcode

from harness import (
    SLOW, FakeUpstream, Namespace, Quelld, address_of, addresses, assert_blocked, equal, main, query, reply_to, test, two_namespaces)

OURS, THEIRS = "192.168.9.10", "192.168.9.1"


def short_lived(ask):
    ttl = 1 if ask.name.startswith("short") else 300
    return reply_to(ask.query, "%s %d IN A %s" % (ask.name, ttl, address_of(ask.name)))


def cpu_s(pids):
    """Seconds of processor time."""
    words = [open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(w[11]) + int(w[12]) for w in words) / 100


def assert_known(daemon, names, what):
    for name in names:
        for tcp in (False, True):
            equal(addresses(daemon.ask(name, tcp=tcp)), [address_of(name)], what)


def check_outage(go_away, come_back):
    with two_namespaces() as (ours, theirs):
        theirs.ip("addr add %s/24 dev v0" % THEIRS)
        ours.ip("addr add %s/24 dev v0" % OURS)
        with theirs:
            upstream = FakeUpstream(short_lived, host=THEIRS)
        with upstream, Quelld([upstream], ["||blocked.example^\n"], listen=("127.0.0.1", OURS), conf="query_timeout = 3s\n",
                              namespace=ours) as daemon, ours:
            long, short = (["%s%d.example." % (kind, i) for i in range(10)] for kind in ("long", "short"))
            assert_known(daemon, long + short, "before")
            time.sleep(2.1)  # so that the short ones are over
            for number in range(2):
                pids = daemon.children() + [daemon.process.pid]
                used = cpu_s(pids)
                go_away(ours)
                assert_blocked(daemon.ask("blocked.example."))
                assert_known(daemon, long, "known, in the outage")
                started = time.monotonic()
                new = ["new%d-%d.example." % (number, i) for i in range(50)]
                for name, r in zip(new + short, daemon.ask_many([query(n, id=i) for i, n in enumerate(new + short)])):
                    if name in new:
                        equal(r.rcode(), dns.rcode.SERVFAIL, name)
                    else:
                        equal(addresses(r), [address_of(name)], "stale: " + name)
                assert time.monotonic() - started < 2 * 3 * SLOW, "query_timeout did not hold"
                equal(daemon.ctl("status")[0] in (0, 1), True, "status")
                come_back(ours)
                for name in new[:10]:
                    r = daemon.ask(name[:-1] + ".back.")
                    equal(addresses(r), [address_of(name[:-1] + ".back.")], "at once after it is back")
                    equal(addresses(daemon.ask("tcp." + name, tcp=True, host=OURS)), [address_of("tcp." + name)], "by the address that came back")
                assert_known(daemon, long + short, "after")
                assert cpu_s(pids) - used < 3 * SLOW, "processor time"
                equal(daemon.children(), pids[:-1], "workers")


@test
def test_link():
    """The link goes down and up"""
    check_outage(lambda n: n.ip("link set v0 down"), lambda n: n.ip("link set v0 up"))


@test
def test_address():
    """The address goes and comes, and with it a listener's"""
    check_outage(lambda n: n.ip("addr del %s/24 dev v0" % OURS), lambda n: n.ip("addr add %s/24 dev v0" % OURS))


@test
def test_route():
    """Packets are lost on the way, and no error tells so"""
    check_outage(lambda n: n.ip("route add blackhole %s/32" % THEIRS), lambda n: n.ip("route del blackhole %s/32" % THEIRS))


@test
def test_own_network():
    """Who is on a network of this host is answered as soon as that is there, and not only when no more news comes"""
    with contextlib.closing(Namespace()) as namespace, namespace:
        with FakeUpstream() as upstream, Quelld([upstream], ["||blocked.example^\n"], listen=("0.0.0.0",), conf="rate_limit = 0\nrate_limit_network = 0\n",
                                                namespace=namespace) as daemon:
            for _ in range(20):
                before = daemon.stats()["network_news"]
                namespace.ip("addr add 198.51.100.1/24 dev lo")
                while daemon.ask("blocked.example.", host="198.51.100.1").rcode() == dns.rcode.REFUSED:
                    pass
                at_once = daemon.stats()["network_news"] == before
                namespace.ip("addr del 198.51.100.1/24 dev lo")
                if at_once:
                    return
                while daemon.stats()["network_news"] < before + 2:
                    time.sleep(0.05)
            raise AssertionError("it took a while, 20 times")


if __name__ == "__main__":
    main()
