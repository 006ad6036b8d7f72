#!/usr/bin/env python3
"""Writes the corpus of the fuzz targets name, query and message: well-formed messages, and hostile ones, each
named after its one defect. Run it after a change and commit what it wrote:  tests/data/fuzz/make_dns_corpus.py"""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent


def name(text):
    return b"".join(bytes([len(l)]) + l.encode() for l in text.split(".") if l) + b"\0"


def header(flags=0x0100, qd=1, an=0, ns=0, ar=0):
    return struct.pack("!6H", 0x1234, flags, qd, an, ns, ar)


def question(qname="www.example.org", qtype=1, qclass=1):
    return (name(qname) if isinstance(qname, str) else qname) + struct.pack("!2H", qtype, qclass)


def rr(owner, rtype, rdata, ttl=300, rclass=1, rdlength=None):
    owner = name(owner) if isinstance(owner, str) else owner
    return owner + struct.pack("!2HIH", rtype, rclass, ttl, len(rdata) if rdlength is None else rdlength) + rdata


def option(code, data, length=None):
    return struct.pack("!2H", code, len(data) if length is None else length) + data


def opt(options=b"", payload=1232, ttl=0, owner=b"\0", rdlength=None):
    return rr(owner, 41, options, ttl=ttl, rclass=payload, rdlength=rdlength)


def pointer(offset):
    return struct.pack("!H", 0xC000 | offset)


QNAME = pointer(12)
RESPONSE = 0x8180
SOA = name("ns1.example.org") + name("hostmaster.example.org") + struct.pack("!5I", 1, 2, 3, 4, 5)
A = bytes([192, 0, 2, 1])

queries = {
    "plain_a": header() + question(),
    "root_ns": header() + question("", 2),
    "mixed_case": header() + question("wWw.eXaMpLe.OrG", 28),
    "with_opt": header(ar=1) + question() + opt(),
    "with_do_and_padding": header(ar=1) + question() + opt(option(12, bytes(20)), ttl=0x8000),
    "with_ecs": header(ar=1) + question() + opt(option(8, struct.pack("!HBB", 1, 24, 0) + bytes([192, 0, 2]))),
    "with_cookie_and_keepalive": header(ar=1) + question() + opt(option(10, bytes(8)) + option(11, b"")),
    "with_opt_and_tsig": header(ar=2) + question() + opt() + rr("key", 250, bytes(20), ttl=0, rclass=255),
    "longest_name": header() + question(".".join(["a" * 63] * 3 + ["a" * 61])),
    "most_labels": header() + question(".".join(["a"] * 127)),
    "empty": b"",
    "eleven_octets": header()[:11],
    "header_only": header(),
    "response_instead_of_query": header(flags=0x8180) + question(),
    "opcode_status": header(flags=0x1100) + question(),
    "opcode_update": header(flags=0x2800) + question(qtype=6),
    "no_question": header(qd=0),
    "two_questions": header(qd=2) + question() + question(),
    "answer_in_query": header(an=1) + question() + rr(QNAME, 1, A),
    "arcount_three": header(ar=3) + question() + opt() * 3,
    "qname_pointer_to_itself": header() + pointer(12) + struct.pack("!2H", 1, 1),
    "qname_pointer_into_header": header() + pointer(0) + struct.pack("!2H", 1, 1),
    "qname_label_type_01": header() + b"\x41" + bytes(65) + struct.pack("!2H", 1, 1),
    "qname_label_type_10": header() + b"\x81" + bytes(65) + struct.pack("!2H", 1, 1),
    "qname_of_256_octets": header() + question(".".join(["a" * 63] * 3 + ["a" * 62])),
    "qname_without_end": header() + b"\x03www\x07examp",
    "question_without_class": header() + question()[:-2],
    "octets_behind_the_question": header() + question() + b"\0",
    "two_opt": header(ar=2) + question() + opt() + opt(),
    "opt_owner_not_root": header(ar=1) + question() + opt(owner=name("x")),
    "opt_owner_pointer_to_root": header(ar=1) + question() + opt(owner=pointer(28)),
    "opt_rdlength_beyond_message": header(ar=1) + question() + opt(rdlength=40),
    "opt_option_cut_short": header(ar=1) + question() + opt(option(10, bytes(3), length=8)),
    "opt_option_header_cut_short": header(ar=1) + question() + opt(b"\0\x0a\0"),
    "opt_version_1": header(ar=1) + question() + opt(ttl=0x00010000),
    "opt_missing": header(ar=1) + question(),
    "ecs_prefix_too_long": header(ar=1) + question() + opt(option(8, struct.pack("!HBB", 1, 33, 0) + bytes(5))),
    "ecs_spare_bits_set": header(ar=1) + question() + opt(option(8, struct.pack("!HBB", 1, 20, 0) + b"\xc0\0\xff")),
    "ecs_address_missing": header(ar=1) + question() + opt(option(8, struct.pack("!HBB", 2, 56, 0))),
}

MAIL = question("example.org", 15)
messages = {
    "answer_a": header(RESPONSE, an=1) + question() + rr(QNAME, 1, A),
    "answer_cname_chain": header(RESPONSE, an=2) + question() + rr(QNAME, 5, b"\x03cdn" + pointer(16))
    + rr(pointer(45), 1, A),
    "nxdomain_soa_opt": header(0x8183, ns=1, ar=1) + question() + rr(pointer(16), 6, SOA) + opt(),
    "mx_with_glue": header(RESPONSE, an=1, ar=2) + MAIL + rr(QNAME, 15, b"\0\x0a\x04mail" + QNAME)
    + rr(pointer(43), 1, A) + opt(),
    "txt_two_strings": header(RESPONSE, an=1) + question(qtype=16) + rr(QNAME, 16, b"\x03abc\x00"),
    "srv": header(RESPONSE, an=1) + question("_sip._udp.example.org", 33)
    + rr(QNAME, 33, struct.pack("!3H", 1, 2, 5060) + name("sip.example.org")),
    "https_hints": header(RESPONSE, an=1) + question(qtype=65)
    + rr(QNAME, 65, b"\0\x01\0" + option(1, b"\x02h3\x02h2") + option(4, A) + option(6, bytes(16))),
    "signed_answer": header(RESPONSE, an=2, ar=1) + question() + rr(QNAME, 1, A)
    + rr(QNAME, 46, struct.pack("!HBBIIIH", 1, 13, 3, 300, 2000000000, 1990000000, 7) + name("example.org") + bytes(64))
    + opt(ttl=0x8000),
    "signed_nxdomain": header(0x8183, ns=3, ar=1) + question() + rr(pointer(16), 6, SOA)
    + rr(pointer(16), 47, name("a.example.org") + b"\0\x06\x40\x01\0\0\0\x03")
    + rr(pointer(16), 43, b"\0\x07\x0d\x02" + bytes(32)) + opt(ttl=0x8000),
    "dnskey_caa_nsec3": header(RESPONSE, an=3) + question(qtype=255) + rr(QNAME, 48, b"\x01\x01\x03\x0d" + bytes(64))
    + rr(QNAME, 257, b"\0\x05issueca.example.net") + rr(QNAME, 50, b"\x01\0\0\0\x02\xab\xcd\x14" + bytes(20) + b"\0\x01\x40"),
    "unknown_type_and_class": header(RESPONSE, an=1) + question(qtype=65280) + rr(QNAME, 65280, b"\xc0\x0c", rclass=32),
    "opt_before_glue": header(RESPONSE, an=1, ar=2) + question() + rr(QNAME, 1, A) + opt() + rr("ns1.example.org", 1, A),
    "tsig_behind_opt": header(RESPONSE, an=1, ar=2) + question() + rr(QNAME, 1, A) + opt()
    + rr("key", 250, bytes(30), ttl=0, rclass=255),
    "extended_rcode": header(0x8180, ar=1) + question() + opt(ttl=0x01000000),
    "no_question_formerr": header(0x8181, qd=0),
    "compression_pointer_to_itself": header(RESPONSE, an=1) + question() + rr(pointer(33), 1, A),
    "compression_pointer_forward": header(RESPONSE, an=1) + question() + rr(pointer(60), 1, A) + name("x"),
    "compression_pointer_into_header": header(RESPONSE, an=1) + question() + rr(pointer(2), 1, A),
    "compression_pointer_into_own_labels": header(RESPONSE, an=1) + question() + rr(b"\x01a" + pointer(33), 1, A),
    # The owner leads to "mail" inside opaque RDATA; the labels there run on over the owner itself and its TTL.
    "compression_target_runs_over_its_pointer": header(RESPONSE, an=1, ar=2) + question("example.org", 15)
    + rr(QNAME, 65280, b"\0\x0a\x04mail\x0c\xc0") + rr(pointer(43), 1, A, ttl=0x01010000) + opt(),
    "compression_pointer_beyond_message": header(RESPONSE, an=1) + question() + rr(b"\xff\xff", 1, A),
    "compression_pointer_cut_short": header(RESPONSE, an=1) + question() + b"\xc0",
    "compression_chain_of_300": header(RESPONSE, an=2) + question()
    + rr(QNAME, 65280, QNAME + b"".join(pointer(45 + 2 * i) for i in range(300))) + rr(pointer(45 + 600), 1, A),
    "expanded_name_too_long": header(RESPONSE, an=1) + question(".".join(["a" * 63] * 3 + ["a" * 61]), 5)
    + rr(QNAME, 5, b"\x01b" + QNAME),
    "a_of_three_octets": header(RESPONSE, an=1) + question() + rr(QNAME, 1, A[:3]),
    "aaaa_of_four_octets": header(RESPONSE, an=1) + question() + rr(QNAME, 28, A),
    "cname_with_octets_over": header(RESPONSE, an=1) + question() + rr(QNAME, 5, name("x.example.org") + b"\0"),
    "cname_name_runs_out_of_rdata": header(RESPONSE, an=1) + question() + rr(QNAME, 5, name("x.example.org"), rdlength=4)
    + bytes(20),
    "cname_empty": header(RESPONSE, an=1) + question() + rr(QNAME, 5, b""),
    "mx_of_one_octet": header(RESPONSE, an=1) + MAIL + rr(QNAME, 15, b"\0"),
    "soa_cut_short": header(RESPONSE, ns=1) + question() + rr(QNAME, 6, SOA[:-1]),
    "txt_string_beyond_rdata": header(RESPONSE, an=1) + question() + rr(QNAME, 16, b"\x05abc"),
    "txt_empty": header(RESPONSE, an=1) + question() + rr(QNAME, 16, b""),
    "https_keys_out_of_order": header(RESPONSE, an=1) + question() + rr(QNAME, 65, b"\0\x01\0" + option(4, A)
                                                                      + option(1, b"\x02h2")),
    "https_key_twice": header(RESPONSE, an=1) + question() + rr(QNAME, 65, b"\0\x01\0" + option(4, A) * 2),
    "https_hint_of_three_octets": header(RESPONSE, an=1) + question() + rr(QNAME, 65, b"\0\x01\0" + option(4, A[:3])),
    "https_value_beyond_rdata": header(RESPONSE, an=1) + question() + rr(QNAME, 65, b"\0\x01\0" + option(4, A, length=9)),
    "https_target_compressed": header(RESPONSE, an=1) + question() + rr(QNAME, 65, b"\0\x01" + QNAME),
    "rdlength_beyond_message": header(RESPONSE, an=1) + question() + rr(QNAME, 65280, A, rdlength=5),
    "record_cut_in_its_ttl": header(RESPONSE, an=1) + question() + rr(QNAME, 1, A)[:7],
    "counts_of_65535": header(RESPONSE, an=65535, ns=65535, ar=65535) + question() + rr(QNAME, 1, A),
    "octets_behind_the_last_record": header(RESPONSE, an=1) + question() + rr(QNAME, 1, A) + b"\0",
    "opt_in_answer_section": header(RESPONSE, an=1) + question() + opt(),
    "two_opt": header(RESPONSE, ar=2) + question() + opt() + opt(),
    "two_questions": header(RESPONSE, qd=2) + question() + question(),
}

# First octet: where the name begins in what follows.
BASE = bytes(12) + name("www.example.org")
names = {
    "plain": bytes([12]) + BASE,
    "root": bytes([12]) + bytes(13),
    "upper_case_and_specials": bytes([12]) + bytes(12) + b"\x05A.b\\\xff\x02 \"\0",
    "pointer_to_whole_name": bytes([29]) + BASE + pointer(12),
    "pointer_to_suffix": bytes([29]) + BASE + b"\x03ftp" + pointer(16),
    "pointer_to_pointer": bytes([31]) + BASE + pointer(16) + pointer(29),
    "pointer_to_root": bytes([29]) + BASE + b"\x01x" + pointer(28),
    "pointer_to_itself": bytes([29]) + BASE + pointer(29),
    "pointer_forward": bytes([29]) + BASE + pointer(40) + bytes(16),
    "pointer_into_own_labels": bytes([29]) + BASE + b"\x01x" + pointer(29),
    "pointer_into_header": bytes([29]) + BASE + pointer(3),
    "pointer_cut_short": bytes([29]) + BASE + b"\xc0",
    "label_cut_short": bytes([12]) + bytes(12) + b"\x09short",
    "no_root_label": bytes([12]) + bytes(12) + b"\x03www",
    "label_type_01": bytes([12]) + bytes(12) + b"\x40\0",
    "label_type_10": bytes([12]) + bytes(12) + b"\x80\0",
    "longest": bytes([12]) + bytes(12) + name(".".join(["a" * 63] * 3 + ["a" * 61])),
    "one_octet_too_long": bytes([12]) + bytes(12) + name(".".join(["a" * 63] * 3 + ["a" * 62])),
    "most_labels": bytes([12]) + bytes(12) + name(".".join(["a"] * 127)),
    "offset_beyond_message": bytes([200]) + BASE,
}

for target, inputs in (("query", queries), ("message", messages), ("name", names)):
    folder = HERE / target
    folder.mkdir(exist_ok=True)
    for defect, octets in inputs.items():
        (folder / f"{defect}.bin").write_bytes(octets)
