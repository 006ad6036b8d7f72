"""What is no list, or comes from a stranger: the version before stays in force, and log, API and metric say why."""
import gzip
import unittest

from harness import wait_for
from list_host_case import GOOD, HOST, ListHostCase, make_certificate, zstd_of_one_octet


class ListDamage(ListHostCase):
    def test_text_that_is_no_list(self):
        self.trust_the_authority()
        server = self.server(timeout="20s")
        self.assertTrue(self.blocked(server), server.log)
        host = self.host
        page = b"<!DOCTYPE html><html><body>Log in</body></html>"
        self.check_versions(server, [
            ("a page within gzip", "HTML page", "html", lambda h: host.send(h, gzip.compress(page))),
            ("NULs", "line 1: longer than 64 KiB", "errors", host.body("\0" * 100_000)),
            ("NULs in lines", "contains a NUL octet", "errors", host.body(GOOD + "a\0b\n" * 6)),
            (".", "has no entry, but 1 lines in error", "errors", host.body(".\n")),
            ("*", "shrunk from 200 to 0 entries", "shrunk", host.body("*\n")),
            ("/", "shrunk from 200 to 0 entries", "shrunk", host.body("/\n")),
            ("://", "shrunk from 200 to 0 entries", "shrunk", host.body("://\n")),
            ("nothing", "shrunk from 200 to 0 entries", "shrunk", host.body("")),
            ("half a gzip file", "gzip data is cut short", None, lambda h: host.send(h, gzip.compress(GOOD.encode())[:-9])),
            ("half a zstd file", "zstd data is cut short", None, lambda h: host.send(h, zstd_of_one_octet(1 << 20)[:-8])),
        ])

    def test_a_certificate_that_turns_wrong(self):
        self.trust_the_authority()
        server = self.server(timeout="20s")
        self.assertTrue(self.blocked(server), server.log)
        wrong = make_certificate(self.directory, "wrong", "other.example.test", self.authority)
        own = make_certificate(self.directory, "own", HOST, make_certificate(self.directory, "stranger", "stranger"))
        for certificate, message in ((wrong, "no alternative certificate subject name matches"),
                                     (own, "unable to get local issuer")):
            self.host.context.load_cert_chain(certificate + ".crt", certificate + ".key")
            seen, requests = len(server.log), len(self.host.requests)
            self.get("/api/lists/refresh", "POST")
            wait_for(lambda: message in server.log[seen:], f"'{message}' in {server.log[seen:]}", 30)
            self.assertEqual(len(self.host.requests), requests, "nothing was asked of a stranger")
            self.assertTrue(self.blocked(server))


if __name__ == "__main__":
    unittest.main()
