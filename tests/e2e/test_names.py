"""Names of the house: what may lead into it, and who is asked for them."""

import os
import re

from harness import (
    FakeUpstream, Quelld, address_of, addresses, assert_blocked, assert_rcode, ede, equal, main, quelld_once, records,
    reply_to, temporary_folder, test, usual_reply)


def ctl(daemon, *words):
    status, text = daemon.ctl(*words)
    equal(status, 0, text)
    return text


def at(table):
    """A handler: these names have these addresses, all others the usual one."""
    def handle(ask):
        question = ask.query.question[0]
        address = table.get(str(question.name).lower())
        if address is None or question.rdtype != 1:
            return usual_reply(ask)
        return reply_to(ask.query, "%s 300 IN A %s" % (question.name, address))
    return handle


@test
def test_rebinding():
    """Public names lead to no private address, unless the configuration, or a rule of one's own, says so"""
    table = {"evil.example.": "192.168.1.1", "a.plex.direct.": "192.168.1.2", "nas.lan.": "192.168.1.3"}
    with FakeUpstream(at(table)) as upstream, Quelld([upstream], conf='rebind_allow = {"plex.direct"}\n') as daemon:
        r = daemon.ask("evil.example.")
        assert_rcode(r, "SERVFAIL")
        equal(ede(r), [(15, "rebinding: private address for a public name")])
        equal(addresses(daemon.ask("a.plex.direct.")), ["192.168.1.2"])
        equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.3"])
        said = ctl(daemon, "why", "evil.example")
        assert "rebinding: a private address for a public name" in said and "192.168.1.1" in said, said
        ctl(daemon, "allow", "evil.example")
        equal(addresses(daemon.ask("evil.example.")), ["192.168.1.1"])
        ctl(daemon, "unset", "evil.example")
        assert_rcode(daemon.ask("evil.example."), "SERVFAIL")
        equal(daemon.stats()["rebind"], 2)
        # From the cache, until another upstream is trusted.
        equal(len(upstream.asked("evil.example.")), 1)
        daemon.write_conf('rebind_trust = {"%s"}\n' % upstream.address)
        assert daemon.reload().startswith("notice reloaded ")
        equal(addresses(daemon.ask("evil.example.")), ["192.168.1.1"])
        equal(len(upstream.asked("evil.example.")), 2)
        daemon.write_conf("rebind_protection = no\n")
        assert daemon.reload().startswith("notice reloaded ")
        equal(addresses(daemon.ask("evil.example.")), ["192.168.1.1"])


@test
def test_forward():
    """The names of a zone, and the reverse names of a network, are asked of its own upstream"""
    def router(ask):
        question = ask.query.question[0]
        if question.rdtype == 12:
            return reply_to(ask.query, "%s 300 IN PTR nas.lan." % question.name)
        return reply_to(ask.query, "%s 300 IN A 192.168.1.3" % question.name)

    with FakeUpstream() as upstream, FakeUpstream(router) as lan:
        def zone(name):
            return 'forward "%s" {\n upstream = {"%s"}\n}\n' % (name, lan.address)

        with Quelld([upstream], ["ads.lan\n"], conf=zone("lan") + zone("172.16.0.0/12")) as daemon:
            equal(addresses(daemon.ask("nas.lan.")), ["192.168.1.3"])
            equal(addresses(daemon.ask("nas.lan.", tcp=True)), ["192.168.1.3"])
            equal(records(daemon.ask("1.2.31.172.in-addr.arpa.", "PTR")),
                  {("1.2.31.172.in-addr.arpa.", "PTR", "nas.lan.")})
            assert_rcode(daemon.ask("1.2.32.172.in-addr.arpa.", "PTR"), "NOERROR")
            assert_blocked(daemon.ask("x.ads.lan."))
            equal([str(a.name) for a in lan.asked()], ["nas.lan.", "1.2.31.172.in-addr.arpa."])
            equal([str(a.name) for a in upstream.asked()], ["1.2.32.172.in-addr.arpa."])
            assert re.search("upstream +%s up" % lan.address, ctl(daemon, "status")), ctl(daemon, "status")
            # Without the zone, the others are asked, for what is cached too.
            daemon.write_conf("")
            assert daemon.reload().startswith("notice reloaded ")
            equal(addresses(daemon.ask("nas.lan.")), [address_of("nas.lan.")])


@test
def test_forward_mistakes():
    """Zones that are too many, or lead back to quell, end the program with what is wrong"""
    with temporary_folder() as folder:
        path = os.path.join(folder, "quell.conf")
        for text, part in (
                ('forward "128.0.0.0/1" { upstream = "192.0.2.1" }\nforward "0.0.0.0/2" { upstream = "192.0.2.1" }\n',
                 "too many"),
                ('listen = "127.0.0.1:5399"\nforward lan { upstream = "127.0.0.1:5399" }\n', "quell would ask itself"),
                ("".join('forward a%d { upstream = "192.0.2.%d" }\n' % (i, i) for i in range(1, 18)), "16 servers")):
            with open(path, "w") as f:
                f.write(text)
            status, _, said = quelld_once("--check", "-c", path)
            equal(status, 2, "exit status")
            assert part in said, said


if __name__ == "__main__":
    main()
