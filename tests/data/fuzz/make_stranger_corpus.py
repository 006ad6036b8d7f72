#!/usr/bin/env python3
"""Writes the corpus of the fuzz targets edns, proxy_header, redis, spool and http_octets, each input named after what it
shows. Run it after a change and commit what it wrote:  tests/data/fuzz/make_stranger_corpus.py"""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent


def option(code, data, length=None):
    return struct.pack("!2H", code, len(data) if length is None else length) + data


def ecs(family, prefix, address, scope=0):
    return option(8, struct.pack("!HBB", family, prefix, scope) + bytes(address))


def fixed(payload=1232, extended=0, version=0, flags=0):
    return struct.pack("!HBBH", payload, extended, version, flags)


edns = {
    "no_options": fixed(),
    "dnssec_ok": fixed(flags=0x8000),
    "payload_of_0": fixed(payload=0),
    "payload_of_65535": fixed(payload=65535),
    "version_1": fixed(version=1),
    "version_1_with_broken_options": fixed(version=1) + b"\0\x08\0",
    "extended_rcode": fixed(extended=255),
    "ecs_v4": fixed() + ecs(1, 24, [192, 0, 2]),
    "ecs_v6": fixed() + ecs(2, 56, [0x20, 1, 0xd, 0xb8, 0, 0, 0]),
    "ecs_family_0": fixed() + ecs(0, 0, []),
    "ecs_spare_bits": fixed() + ecs(1, 20, [192, 0, 0x1f]),
    "ecs_with_scope": fixed() + ecs(1, 24, [192, 0, 2], scope=24),
    "ecs_prefix_33": fixed() + ecs(1, 33, [192, 0, 2, 1, 0]),
    "ecs_too_long": fixed() + ecs(1, 8, [192, 0]),
    "ecs_twice": fixed() + ecs(1, 33, []) + ecs(1, 24, [192, 0, 2]),
    "cookie_keepalive_padding": fixed() + option(10, bytes(8)) + option(11, b"") + option(12, bytes(20)),
    "option_beyond_record": fixed() + option(12, b"abc", length=4),
    "option_head_cut_short": fixed() + option(11, b"") + b"\0\x0c\0",
}

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = bytes([192, 0, 2, 7, 198, 51, 100, 1]) + struct.pack("!2H", 4711, 443)
V6 = bytes(15) + b"\1" + bytes(15) + b"\2" + struct.pack("!2H", 4711, 443)


def binary(verb, family, body, length=None):
    return SIGNATURE + struct.pack("!BBH", verb, family, len(body) if length is None else length) + body


proxy = {
    "tcp4": b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\nGET / HTTP/1.1\r\n",
    "tcp6": b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n",
    "unknown": b"PROXY UNKNOWN whatever\r\n",
    "unknown_alone": b"PROXY UNKNOWN\r\n",
    "bare_newline": b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
    "newline_at_once": b"PROXY \n",
    "port_65536": b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n",
    "line_of_107": b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n",
    "line_of_108": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "binary_v4": binary(0x21, 0x11, V4),
    "binary_v6": binary(0x21, 0x21, V6),
    "binary_local": binary(0x20, 0, b""),
    "binary_unix": binary(0x21, 0x31, bytes(216)),
    "binary_tlv": binary(0x21, 0x11, V4 + b"\x04\0\0"),
    "binary_short": binary(0x21, 0x11, V4[:11]),
    "binary_length_beyond": binary(0x21, 0x11, V4, length=65535),
    "binary_version_1": binary(0x11, 0x11, V4),
    "binary_command_2": binary(0x22, 0x11, V4),
}

UUID = b"0193a0c5-0d80-8abc-9def-0123456789ab"
DATA = b"EjSBgAABAAEAAAAAAWEAAAEAAcAMAAEAAQAAASwABMAAAgE="
CACHE = b'{"e":[{"k":"\\u0000\\u0001a","d":"' + DATA + b'"}],"c":"' + UUID + b'"}'
BLOCKING = b'{"s":{"enabled":false,"duration":300000000000,"groups":["ads","b\\u0026<"]},"c":"' + UUID + b'"}'
redis = {  # first octet: modulo 4 which reader, for replies also the size of the pieces
    "reply_kinds": b"\x00+OK\r\n-ERR no\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n",
    "reply_published": b"\x08*3\r\n$7\r\nmessage\r\n$17\r\nblocky_cache_sync\r\n$%d\r\n%s\r\n" % (len(CACHE), CACHE),
    "reply_scan": b"\xfc*2\r\n$1\r\n0\r\n*2\r\n$15\r\nblocky:cache:ab\r\n$0\r\n\r\n",
    "reply_nested": b"\x00" + b"*1\r\n" * 12 + b":1\r\n",
    "reply_many_items": b"\x00*65537\r\n",
    "reply_most_items": b"\x00*65536\r\n:1\r\n",
    "reply_negative_length": b"\x00$-2\r\n",
    "reply_length_overflow": b"\x00$99999999999999999999\r\n",
    "reply_integer_overflow": b"\x00:9223372036854775808\r\n",
    "reply_resp3": b"\x00%1\r\n+a\r\n#t\r\n,1.5\r\n_\r\n~1\r\n(1\r\n",
    "key": b"\x01\0\x01www.example.org",
    "key_escapes": b"\x01\0\x1ca\\.b\\046c\\\"",
    "key_of_root": b"\x01\0\x02",
    "sender_of_ours": b"\x01" + UUID,
    "sender_of_blocky": b"\x01" + UUID.replace(b"-8abc", b"-4abc"),
    "cache": b"\x02" + CACHE,
    "cache_without_data": b"\x02" + CACHE.replace(b'"d"', b'"x"'),
    "cache_bad_base64": b"\x02" + CACHE.replace(DATA, b"A==="),
    "cache_key_with_brackets": b'\x02{"e":{"[":{"k":"ab","d":""}},"c":"x"}',
    "cache_nested": b'\x02{"c":"x","e":' + b"[" * 40 + b"]" * 40 + b"}",
    "cache_bad_utf8": b'\x02{"e":[{"k":"\xff\xfe","d":""}],"c":"x"}',
    "blocking": b"\x03" + BLOCKING,
    "blocking_negative": b"\x03" + BLOCKING.replace(b"300", b"-300"),
    "blocking_duration_of_float": b"\x03" + BLOCKING.replace(b"300000000000", b"1e300"),
    "blocking_duration_beyond": b"\x03" + BLOCKING.replace(b"300000000000", b"18446744073709551615"),
    "only_text": b'\x03"c"',
}


def entry(*texts):
    texts = list(texts) + [b""] * (9 - len(texts))
    return struct.pack("<qI9I", 1700000000000000, 12, *map(len, texts)) + b"".join(texts)


def frame(count, payload):
    return struct.pack("!BH", count, len(payload)) + payload


ONE = entry(b"192.0.2.1", b"laptop", b"CACHED", b"CACHED", b"NOERROR", b"www.example.org.", b"A", b"A (192.0.2.7)", b"n")
HEAD = b"RMPSPL01" + struct.pack("<Q", 16)
spool = {  # first octet: odd for frames that get a right checksum, even for the file as it is
    "two_frames": b"\1" + frame(1, ONE) + frame(2, ONE + entry(b"192.0.2.2")),
    "count_too_high": b"\1" + frame(2, ONE) + frame(1, ONE),
    "count_too_low": b"\1" + frame(1, ONE + ONE) + frame(1, ONE),
    "count_of_0": b"\1" + frame(0, b"") + frame(1, ONE),
    "text_beyond_frame": b"\1" + frame(1, ONE[:-1]),
    "empty_file": b"\0",
    "no_magic": b"\0not a segment",
    "head_alone": b"\0" + HEAD,
    "read_at_beyond_file": b"\0" + HEAD[:8] + struct.pack("<Q", 1 << 63) + b"FRM1",
    "torn_frame": b"\0" + HEAD + b"FRM1" + struct.pack("<2I", 100, 1) + bytes(20),
    "wrong_checksum": b"\0" + HEAD + b"FRM1" + struct.pack("<2I", 4, 7) + bytes(20) + b"abcd",
    "payload_of_4_gib": b"\0" + HEAD + b"FRM1" + struct.pack("<2I", 0xffffffff, 7) + bytes(20),
}

PROXY = proxy["tcp4"][:44]
QUERY = bytes.fromhex("0000010000010000000000000161000001" "0001")
http = {  # first octet: odd for the listener with PROXY headers; the three bits above it: pieces less one
    "status": b"\0GET /api/blocking/status HTTP/1.1\r\nHost: a\r\n\r\n",
    "two_requests": b"\0GET /metrics HTTP/1.1\r\nHost: a\r\n\r\nHEAD /readyz HTTP/1.1\r\nHost: a\r\n\r\n",
    "http_1_0": b"\0GET / HTTP/1.0\r\n\r\n",
    "proxy": b"\1" + PROXY + b"GET /api/stats HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "proxy_missing": b"\1GET / HTTP/1.1\r\n\r\n",
    "proxy_in_pieces": b"\x0f" + PROXY + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "doh_post": b"\x02POST /dns-query HTTP/1.1\r\nHost: a\r\nContent-Type: application/dns-message\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(QUERY), QUERY),
    "doh_get": b"\0GET /dns-query?dns=AAABAAABAAAAAAAAAWEAAAEAAQ HTTP/1.1\r\nHost: a\r\n\r\n",
    "chunked": b"\x04POST /api/query HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"22\r\n{\"query\":\"example.org\",\"type\":\"A\"}\r\n0\r\n\r\n",
    "chunk_length_overflow": b"\0POST /api/query HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
    "both_lengths": b"\0POST /api/query HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two_content_lengths": b"\0POST /api/query HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "body_too_large": b"\0POST /api/query HTTP/1.1\r\nContent-Length: 99999999\r\n\r\nab",
    "body_cut_short": b"\0POST /api/query HTTP/1.1\r\nContent-Length: 50\r\n\r\nab",
    "expect_continue": b"\0POST /api/query HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    "header_fold": b"\0GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    "header_without_colon": b"\0GET / HTTP/1.1\r\nHost\r\n\r\n",
    "long_target": b"\0GET /" + b"a" * 3000 + b" HTTP/1.1\r\n\r\n",
    "tls_hello": b"\0\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
    "options": b"\0OPTIONS /api/stats HTTP/1.1\r\nOrigin: http://x\r\nAccess-Control-Request-Method: POST\r\n\r\n",
}

for target, inputs in (("edns", edns), ("proxy_header", proxy), ("redis", redis), ("spool", spool), ("http_octets", http)):
    folder = HERE / target
    folder.mkdir(exist_ok=True)
    for what, octets in inputs.items():
        (folder / f"{what}.bin").write_bytes(octets)
