#!/usr/bin/python3
"""Writes the seeds of the fuzz targets `query` and `reply`: one small packet in each file, named for
what it shows.  Needs python3-dnspython.  Usage: make-dns-seeds.py FOLDER (tests/fuzz/seeds)."""
import os
import struct
import sys

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rrset

OPT, IN = 41, 1


def name(text):
    return dns.name.from_text(text).to_wire()


def header(flags=0x0100, qd=1, an=0, ns=0, ar=0):
    return struct.pack("!6H", 0x1234, flags, qd, an, ns, ar)


def question(text="www.example.com", qtype=1, qclass=IN):
    return name(text) + struct.pack("!2H", qtype, qclass)


def rr(owner, rtype, rdata=b"", rclass=IN, ttl=300, length=None):
    size = len(rdata) if length is None else length
    return owner + struct.pack("!2HIH", rtype, rclass, ttl, size) + rdata


def opt(options=b"", size=1232, ttl=0, owner=b"\0", length=None):
    return rr(owner, OPT, options, size, ttl, length)


def option(code, data=b"", length=None):
    return struct.pack("!2H", code, len(data) if length is None else length) + data


# Of two of a kind the first counts, and of keepalives any value.
EACH_TWICE = option(8, b"\0\1\x18\0\xc0\0\2") + option(8, b"\0\1\0\0") + option(10, b"12345678") + \
    option(10, bytes(24)) + option(11) + option(11, b"\0\1") + option(3) + option(65001, bytes(5))
WWW = b"\xc0\x0c"  # the question's name
COM = b"\xc0\x18"  # and its last label


def queries():
    q = question()
    yield "plain", header() + q
    yield "root", header() + question(".", 2)
    yield "upper-case", header() + question("WWW.eXample.COM", 28)
    yield "https", header() + question("example.org", 65)
    yield "chaos", header() + question("version.bind", 16, 3)
    yield "binary-label", header() + question(r"\000\255\.\\@[`{.example", 1)
    yield "127-labels", header() + question("a." * 127, 1)
    yield "63-bytes-label", header() + question("a" * 63 + ".example", 1)
    yield "255-bytes", header() + question(".".join(["a" * 63] * 3 + ["b" * 61]), 1)
    yield "256-bytes", header() + b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63 + b"\x3f" + b"c" * 63 + \
        b"\x3e" + b"d" * 62 + b"\0" + b"\0\1\0\1"
    yield "64-bytes-label", header() + b"\x40" + b"a" * 64 + b"\0\0\1\0\1"
    yield "no-root", header() + b"\3www\7example"
    yield "no-class", header() + name("example") + b"\0\1\0"
    yield "compressed-question", header() + b"\3www\xc0\x0c\0\1\0\1"
    yield "pointer-into-header", header() + b"\3www\xc0\x04\0\1\0\1"
    yield "short-header", header()[:11]
    yield "header-only", header(qd=0)
    yield "no-question", header()
    yield "two-questions", header(qd=2) + q + q
    yield "response", header(0x8180) + q
    yield "notify", header(0x2400) + question("example.com", 6)
    yield "status", header(0x1000, qd=0)
    yield "update", header(0x2800, ns=2) + question("example.com", 6) + \
        rr(name("a.example.com"), 1, b"", 255, 0) + rr(name("b.example.com"), 1, b"\x0a\0\0\1")
    yield "trailing", header() + q + b"behind"
    yield "opt", header(ar=1) + q + opt()
    yield "opt-do", header(0x0110, ar=1) + q + opt(ttl=0x8000)
    yield "opt-cookie-padding", header(ar=1) + q + opt(option(10, b"12345678") + option(12, bytes(20)))
    yield "opt-subnet", header(ar=1) + q + opt(option(8, b"\0\1\x18\0\xc0\0\2"))
    yield "opt-options-twice", header(ar=1) + q + opt(EACH_TWICE)
    yield "opt-version-1", header(ar=1) + q + opt(ttl=0x00010000)
    yield "opt-small-size", header(ar=1) + q + opt(size=100)
    yield "opt-twice", header(ar=2) + q + opt() + opt()
    yield "opt-in-answer", header(an=1) + q + opt()
    yield "opt-in-authority", header(ns=1) + q + opt()
    yield "opt-owner", header(ar=1) + q + opt(owner=name("example"))
    yield "opt-owner-pointer", header(ar=1) + q + opt(owner=b"\xc0\x1c")
    yield "opt-option-overruns", header(ar=1) + q + opt(option(10, b"1234", 5))
    yield "opt-option-half", header(ar=1) + q + opt(option(10) + b"\0\x0a\0")
    yield "opt-overruns", header(ar=1) + q + opt(length=1)
    yield "opt-missing", header(ar=1) + q
    yield "opt-and-tsig", header(ar=2) + q + opt() + rr(
        name("key"), 250, name("hmac-sha256") + bytes(6) + b"\0\3\0\4abcd\x12\x34\0\0\0\0", 255, 0)
    yield "records", header(an=1, ns=1, ar=1) + q + rr(WWW, 1, b"\x0a\0\0\1") + \
        rr(COM, 2, b"\2ns" + WWW) + opt()
    yield "record-half", header(an=1) + q + rr(WWW, 1, b"\x0a\0\0\1")[:9]
    yield "record-overruns", header(an=1) + q + rr(WWW, 1, b"\x0a\0\0\1", length=5)
    yield "record-owner-forward", header(an=1) + q + rr(b"\xc0\x40", 1, b"\x0a\0\0\1")
    yield "record-bad-rdata", header(an=1, ar=1) + q + rr(WWW, 15, b"\0") + opt()
    yield "ixfr", header(ns=1) + question("example.com", 251) + \
        rr(WWW, 6, b"\0\0" + struct.pack("!5I", 7, 0, 0, 0, 0))


ZONE = """
www.example.com. 300 IN CNAME Edge.example.net.
edge.example.net. 60 IN A 192.0.2.1
edge.example.net. 60 IN AAAA 2001:db8::1
example.com. 3600 IN NS ns1.example.com.
example.com. 3600 IN SOA ns1.example.com. hostmaster.example.com. 2024010101 7200 3600 1209600 300
example.com. 3600 IN MX 10 mail.example.com.
example.com. 3600 IN TXT "v=spf1 -all" "" "second"
4.3.2.1.in-addr.arpa. 5 IN PTR host.example.com.
example.com. 5 IN HINFO "RFC8482" ""
example.com. 5 IN RP admin.example.com. text.example.com.
example.com. 5 IN AFSDB 1 afs.example.com.
example.com. 5 IN RT 10 relay.example.com.
example.com. 5 IN PX 10 map822.example.com. mapx400.example.com.
_sip._tcp.example.com. 5 IN SRV 1 2 5060 sip.example.com.
example.com. 5 IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .
old.example.com. 5 IN DNAME new.example.net.
example.com. 5 IN DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
example.com. 5 IN RRSIG A 8 2 300 20300101000000 20240101000000 12345 example.com. c2lnbmF0dXJl
example.com. 5 IN NSEC a.example.com. A NS SOA MX RRSIG NSEC DNSKEY TYPE1234
example.com. 5 IN NSEC3 1 0 10 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG
example.com. 5 IN DNSKEY 257 3 8 AwEAAQ==
example.com. 5 IN CAA 0 issue "ca.example.net"
_443._tcp.example.com. 5 IN TLSA 3 1 1 0123456789abcdef
example.com. 5 IN SVCB 0 alias.example.net.
example.com. 5 IN HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.1 ipv6hint=2001:db8::1
example.com. 5 IN TYPE65280 \\# 4 c00c0001
example.com. 5 IN X25 "311061700956"
example.com. 5 IN ISDN "150862028003217" "004"
example.com. 5 IN GPOS "-32.6882" "116.8652" "10.0"
example.com. 5 IN LOC 52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m
example.com. 5 IN KX 10 kx.example.com.
example.com. 5 IN CERT PKIX 1 8 Y2VydA==
example.com. 5 IN APL 1:192.0.2.0/24 !2:2001:db8::/32
example.com. 5 IN SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
example.com. 5 IN IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
gateway.example.com. 5 IN IPSECKEY 10 3 2 gw.example.com. AQNRU3mG
example.com. 5 IN DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
example.com. 5 IN NSEC3PARAM 1 0 10 aabbccdd
example.com. 5 IN SMIMEA 3 0 1 0123456789abcdef
example.com. 5 IN HIP 2 200100107b1a74df365639cc39f1d578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cI rvs1.example.com. rvs2.example.com.
example.com. 5 IN NINFO "a" "b"
example.com. 5 IN CDS 0 0 0 00
example.com. 5 IN CDNSKEY 0 3 0 AA==
example.com. 5 IN OPENPGPKEY mQENBFVH
example.com. 5 IN CSYNC 66 3 A NS AAAA
example.com. 5 IN ZONEMD 2018031900 1 1 616c6c6f77656420627574206e6f742063686563 6b65642e20616c6c6f77656420627574206e6f74 20636865636b6564
example.com. 5 IN SPF "v=spf1 -all"
example.com. 5 IN NID 10 0014:4fff:ff20:ee64
example.com. 5 IN L32 10 10.1.2.0
example.com. 5 IN L64 10 2001:0db8:1140:1000
example.com. 5 IN LP 10 l64.example.com.
example.com. 5 IN EUI48 00-00-5e-00-53-2a
example.com. 5 IN EUI64 00-00-5e-ef-10-00-00-2a
_http.example.com. 5 IN URI 10 1 "https://www.example.com/"
example.com. 5 IN AVC "app-name:WOLFGANG"
example.com. 5 IN AMTRELAY 10 1 3 amt.example.com.
example.com. 5 IN DLV 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
"""


def replies():
    texts = [line.split(" ", 4) for line in ZONE.strip().splitlines()]
    for owner, ttl, rclass, rtype, rdata in texts:
        m = dns.message.make_query(owner, rtype, id=0x1234)
        r = dns.message.make_response(m)
        r.flags |= dns.flags.RA
        r.answer.append(dns.rrset.from_text(owner, int(ttl), rclass, rtype, rdata))
        first = owner.split(".")[0]
        yield "type-" + rtype.lower() + ("-name" if first == "gateway" else ""), r.to_wire()
    r = dns.message.make_response(dns.message.make_query("www.example.com", "A", use_edns=0, id=0x1234))
    for i, (owner, ttl, rclass, rtype, rdata) in enumerate(texts[:12]):
        section = (r.answer, r.authority, r.additional)[i // 4]
        section.append(dns.rrset.from_text(owner, int(ttl), rclass, rtype, rdata))
    yield "sections", r.to_wire()

    q, a = question(), header(0x8180, an=1) + question()
    address = b"\x0a\0\0\1"
    yield "no-records", header(0x8183) + q
    yield "no-question", header(0x8180, qd=0, an=1) + rr(name("a.example"), 1, address)
    yield "two-questions", header(0x8180, qd=2, an=1) + q + b"\1a" + WWW + b"\0\1\0\1" + \
        rr(WWW, 1, address)
    yield "ttl-top-bit", a + rr(WWW, 1, address, ttl=0x80000001)
    yield "letter-case", header(0x8180, an=3) + q + rr(name("WWW.Example.com"), 5, b"\1A" + COM) + \
        rr(name("A.com"), 5, name("a.COM")) + rr(name("a.com"), 1, address)
    yield "pointer-to-pointer", header(0x8180, an=2) + q + rr(WWW, 1, address) + \
        rr(b"\xc0\x21", 1, address)
    yield "pointer-forward", header(0x8180, an=2) + q + rr(b"\xc0\x31", 1, address) + \
        rr(name("later.example"), 1, address)
    yield "pointer-to-itself", a + rr(b"\xc0\x21", 1, address)
    yield "pointer-into-own-labels", a + rr(b"\3abc\xc0\x21", 1, address)
    yield "pointer-to-labels-through-it", a + rr(WWW, 6, b"\xc0\x29\3abc\0" + bytes(20))
    yield "pointer-into-header", a + rr(b"\1a\xc0\x04", 1, address)
    yield "pointer-to-0", a + rr(b"\xc0\0", 1, address)
    yield "pointer-cut", a + b"\xc0"
    chain = b"".join(struct.pack("!H", 0xc000 + max(0x0c, 0x2b + 2 * (i - 1))) for i in range(200))
    chain = WWW + chain[2:]
    yield "pointer-chain", header(0x8180, an=2) + q + rr(WWW, 65280, chain) + \
        rr(struct.pack("!H", 0xc000 + 0x2b + 2 * 199), 1, address)
    yield "pointer-chain-127", header(0x8180, an=2) + q + rr(WWW, 65280, chain) + \
        rr(struct.pack("!H", 0xc000 + 0x2b + 2 * 125), 1, address)
    yield "rdata-a-3", a + rr(WWW, 1, b"\x0a\0\0")
    yield "rdata-a-5", a + rr(WWW, 1, b"\x0a\0\0\1\1")
    yield "rdata-a-0", a + rr(WWW, 1)
    yield "rdata-mx-no-name", a + rr(WWW, 15, b"\0\x0a")
    yield "rdata-soa-cut", a + rr(WWW, 6, WWW + WWW + bytes(16))
    yield "rdata-cname-overruns", header(0x8180, an=2) + q + rr(WWW, 5, b"\1a\0", length=2) + \
        rr(b"", 1, address)
    yield "rdata-cname-longer", a + rr(WWW, 5, b"\1a\0\0")
    yield "rdata-txt-empty", a + rr(WWW, 16)
    yield "rdata-txt-overruns", a + rr(WWW, 16, b"\5abc")
    yield "rdata-nsec-no-map", a + rr(WWW, 47, b"\1a\0")
    yield "rdata-nsec-empty-window", a + rr(WWW, 47, b"\0" + b"\0\0")
    yield "rdata-nsec-windows-fall", a + rr(WWW, 47, b"\0" + b"\1\1\x40" + b"\0\1\x40")
    yield "rdata-nsec-window-33", a + rr(WWW, 47, b"\0" + b"\0\x21" + bytes(33))
    yield "rdata-nsec-compressed", a + rr(WWW, 47, WWW + b"\0\1\x40")
    yield "rdata-svcb-keys-fall", a + rr(WWW, 64, b"\0\1\0" + option(3, b"\1\xbb") + option(1, b"\2h2"))
    yield "rdata-svcb-key-twice", a + rr(WWW, 65, b"\0\1\0" + option(3, b"\1\xbb") * 2)
    yield "rdata-svcb-value-overruns", a + rr(WWW, 65, b"\0\1\0" + option(1, b"\2h2", 4))
    yield "rdata-svcb-compressed", a + rr(WWW, 65, b"\0\1" + WWW)
    yield "rdata-srv-compressed", a + rr(WWW, 33, bytes(6) + WWW)
    yield "rdata-rrsig-no-signature", a + rr(WWW, 46, bytes(18) + COM)
    yield "rdata-caa-cut", a + rr(WWW, 257, b"\0\5iss")
    yield "rdata-caa-no-tag", a + rr(WWW, 257, b"\0\0value")
    yield "rdata-kx-compressed", a + rr(WWW, 36, b"\0\1" + WWW)
    yield "rdata-eui48-long", a + rr(WWW, 108, bytes(7))
    yield "rdata-loc-short", a + rr(WWW, 29, bytes(15))
    yield "rdata-ds-digest-short", a + rr(WWW, 43, b"\0\1\x08\2" + bytes(31))
    yield "rdata-apl-overruns", a + rr(WWW, 42, b"\0\1\x18\4\xc0\0\2")
    yield "rdata-hip-compressed", a + rr(WWW, 55, b"\1\2\0\1hk" + WWW + b"\1a\0")
    yield "rdata-hip-258-names", a + rr(WWW, 55, bytes(4 + 255) + b"\3abc\0" + b"\1b\0" + b"\1c\0")
    yield "rdata-ipseckey-gateway-cut", a + rr(WWW, 45, b"\x0a\2\2" + bytes(15))
    yield "rdata-ipseckey-name", a + rr(WWW, 45, b"\x0a\3\2" + WWW + b"key")
    yield "rdata-amtrelay-kind", a + rr(WWW, 260, b"\x0a\x84" + bytes(4))
    yield "rdata-https-hint-cut", a + rr(WWW, 65, b"\0\1\0" + option(4, bytes(7)))
    yield "opaque-nsap-ptr", a + rr(WWW, 23, b"\1a" + WWW)
    yield "opaque-nsap-ptr-cut", a + rr(WWW, 23, b"\5ab")
    yield "opaque-tkey-compressed", a + rr(WWW, 249, WWW + bytes(16))
    yield "opt-options-twice", header(0x8180, ar=1) + q + opt(EACH_TWICE)
    yield "opt-option-overruns", header(0x8180, ar=1) + q + opt(option(10, b"1234", 5))
    yield "opt-owner", header(0x8180, ar=1) + q + opt(owner=name("example"))
    yield "opt-extended-rcode", header(0x8180, ar=1) + q + opt(option(15, b"\0\x0fBlocked"), ttl=0xff008000)
    yield "tsig", header(0x8180, ar=1) + q + rr(
        name("key"), 250, name("hmac-sha256") + bytes(6) + b"\0\3\0\4abcd\x12\x34\0\0\0\0", 255, 0)
    yield "tsig-first", header(0x8180, ar=2) + q + rr(
        name("key"), 250, name("hmac-sha256") + bytes(6) + b"\0\3\0\4abcd\x12\x34\0\0\0\0", 255, 0) + opt()
    yield "record-missing", header(0x8180, an=2) + q + rr(WWW, 1, address)
    yield "trailing", a + rr(WWW, 1, address) + b"behind"


def write(folder, seeds):
    os.makedirs(folder, exist_ok=True)
    for seed, packet in seeds:
        with open(os.path.join(folder, seed), "wb") as f:
            f.write(packet)


write(os.path.join(sys.argv[1], "query"), queries())
write(os.path.join(sys.argv[1], "reply"), replies())
