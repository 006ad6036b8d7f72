"""Versions of a list that are made to hurt, from a list host of the test's own: the version before stays in force, log,
API and metric say why, and the memory of the server stays where it was."""
import os
import unittest
import zlib

from list_host_case import ListHostCase, zstd_of_one_octet

# AddressSanitizer keeps 256 MB of freed memory to find late uses; here memory is what is measured.
os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"

GIB = 1 << 30


def stream(piece, octets, end=b""):
    """An answer that is made while it is sent; nobody ever holds all of it."""
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(octets + len(end)))
        handler.end_headers()
        left = octets
        while left > 0:
            handler.wfile.write(piece[:left])
            left -= len(piece)
        handler.wfile.write(end)
    return answer


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    while True:  # until the other side has enough
        handler.wfile.write(b"x" * (1 << 20))


def gzip_bomb(octets):
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    piece = b"a" * (1 << 20)
    return b"".join(packer.compress(piece) for _ in range(octets >> 20)) + packer.flush()


class ListBombs(ListHostCase):
    def test_more_text_than_any_list_has(self):
        self.trust_the_authority()
        server = self.server(timeout="90s")
        self.assertTrue(self.blocked(server), server.log)
        host = self.host
        gzipped, zstd = gzip_bomb(GIB + (1 << 20)), zstd_of_one_octet(GIB + (1 << 20))
        self.assertLess(len(gzipped) + len(zstd), 2 << 20)
        self.check_versions(server, [
            ("a line of 1 GB", "line 1: longer than 64 KiB", "errors", stream(b"x" * (1 << 20), 10 ** 9, b"\n")),
            ("a line that never ends", "more than 1024 MiB", "too_long", endless),
            ("gzip bomb as a file", "more than 1024 MiB of text", "too_long", lambda h: host.send(h, gzipped)),
            ("zstd bomb", "more than 1024 MiB of text", "too_long", lambda h: host.send(h, zstd)),
        ])

    def test_ten_million_lines_in_error(self):
        self.trust_the_authority()
        lines = 10 ** 7
        answer = stream(b"a..b\n" * (1 << 18), 5 * lines)
        server = self.server(timeout="90s")
        self.assertTrue(self.blocked(server), server.log)
        self.check_versions(server, [("bounded", "too many parse errors (6)", "errors", answer)])
        server.stop()
        self.host.answer = self.host.good
        server = self.server("maxErrorsPerSource: -1", timeout="90s")
        self.assertTrue(self.blocked(server), server.log)
        self.check_versions(server, [("unbounded", f"it has no entry, but {lines} lines in error", "errors", answer)])


if __name__ == "__main__":
    unittest.main()
