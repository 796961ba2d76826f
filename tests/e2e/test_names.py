"""Names of the house: what may lead into it."""

from harness import (
    FakeUpstream, Quelld, addresses, assert_rcode, ede, equal, main, records, reply_to, test, usual_reply)


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


if __name__ == "__main__":
    main()
