"""The command line against an API that is served over TLS alone: every command that calls it, and whom it believes."""
import json
import os
import subprocess

import harness
from control_case import ControlCase
from harness import free_port


class CliOverTls(ControlCase):
    def setUp(self):
        super().setUp()
        # What the user has set must not decide here.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("RAMPART_", "BLOCKY_", "CONFIG_FILE"))}

    def serve(self, extra=""):
        return self.server(extra, ports="https: {http}")

    def certified(self, extra=""):
        self.make_certificate("dns.example.org")
        return self.serve(f"certFile: {self.folder}/server.crt\nkeyFile: {self.folder}/server.key\n{extra}")

    def cli(self, *words, **environment):
        return subprocess.run([harness.BINARY, *words], capture_output=True, text=True, timeout=60,
                              env={**self.environment, **environment}, cwd=self.directory)

    def ok(self, *words, **environment):
        done = self.cli(*words, **environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout

    def wrong(self, *words, **environment):
        done = self.cli(*words, **environment)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done)
        self.assertTrue(done.stderr.startswith("Error: "), done)
        return done.stderr

    def every_command_works(self, *where):
        self.assertEqual(self.ok("blocking", "status", *where), "blocking enabled\n")
        self.assertEqual(self.ok("blocking", "disable", "-d", "5m", *where), "OK\n")
        self.assertFalse(json.loads(self.ok("blocking", "status", "--json", *where))["enabled"])
        self.assertEqual(self.ok("blocking", "enable", *where), "OK\n")
        self.assertIn("A (192.0.2.1)", self.ok("query", "www.example.org", *where))
        self.assertIn("BLOCKED (ads: ads.example.org)", self.ok("query", "ads.example.org", *where))
        self.assertEqual(self.ok("lists", "refresh", *where), "OK\n")
        self.assertEqual(self.ok("refresh", *where), "OK\n")
        self.assertEqual(self.ok("cache", "flush", *where), "OK\n")
        self.assertTrue(self.ok("status", *where).startswith("ready"))
        self.assertIn("Summary\n", self.ok("stats", *where))
        self.assertRegex(self.ok("explain", "ads.example.org", *where), r"blocking +answered: BLOCKED")

    def test_a_made_up_certificate_is_believed_on_this_host(self):
        server = self.serve()
        config = ("--config", str(server.config_path))
        self.every_command_works(*config)
        self.assertEqual(self.ok("healthcheck", *config), "OK\n")
        self.assertEqual(self.ok("healthcheck", "--resolve", "www.example.org", *config), "OK\n")

    def test_the_configurations_certificate_is_believed_whatever_its_name(self):
        server = self.certified("api: {tokens: [secret]}\n")
        config = ("--config", str(server.config_path))
        self.every_command_works(*config)
        # Another certificate in the file than the server shows: somebody else answers there.
        (self.folder / "other").mkdir()
        other = server.config_path.read_text().replace("server.", "other/server.")
        (self.folder / "other.yml").write_text(other)
        folder, self.folder = self.folder, self.folder / "other"
        self.make_certificate("dns.example.org")
        self.folder = folder
        told = self.wrong("blocking", "status", "--config", str(self.folder / "other.yml"))
        self.assertIn("shows another certificate than certFile", told)
        (self.folder / "other/server.crt").unlink()
        self.assertIn("cannot be read", self.wrong("blocking", "status", "--config", str(self.folder / "other.yml")))

    def test_flags_and_environment_name_whom_to_trust(self):
        port = str(self.certified().http_port)
        certificate = str(self.folder / "server.crt")
        url = f"https://127.0.0.1:{port}"
        # The system's authorities know nothing of it, and it is for another name.
        self.assertRegex(self.wrong("status", RAMPART_API=url), r"cannot speak TLS with 127\.0\.0\.1:\d+: self.signed certificate; --apiCaFile")
        self.assertIn("certificate is for another host", self.wrong("status", "--apiCaFile", certificate, RAMPART_API=url))
        self.assertIn("certificate is for another host", self.wrong("status", RAMPART_API=url, RAMPART_API_CA_FILE=certificate))
        self.every_command_works("--apiHost", "https://127.0.0.1", "--apiPort", port, "--apiInsecure")
        self.assertIn("holds no readable certificate", self.wrong("status", "--apiCaFile", "/nowhere.crt", RAMPART_API=url))
        self.assertIn("--apiHost https://localhost", self.wrong("status", "--apiPort", port, "--apiInsecure"))
        self.assertIn("cannot connect to", self.wrong("status", "--apiHost", f"https://127.0.0.1:{free_port()}"))
        self.assertIn("no answer from", self.wrong("status", "--apiHost", "127.0.0.1", "--apiPort", port))  # plain HTTP to TLS

    def test_an_authority_of_ones_own_is_enough_for_the_right_host(self):
        self.run_openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                         "-subj", "/CN=Home CA", "-out", "ca.crt", "-keyout", "ca.key")
        self.run_openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=home",
                         "-addext", "subjectAltName=IP:127.0.0.1", "-out", "server.csr", "-keyout", "server.key")
        self.run_openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "30",
                         "-copy_extensions", "copy", "-out", "server.crt")
        server = self.serve(f"certFile: {self.folder}/server.crt\nkeyFile: {self.folder}/server.key\n")
        url = f"https://127.0.0.1:{server.http_port}"
        self.every_command_works("--apiHost", url, "--apiCaFile", str(self.folder / "ca.crt"))
        self.assertIn("Summary", self.ok("stats", RAMPART_API=url, RAMPART_API_CA_FILE=str(self.folder / "ca.crt")))
        self.every_command_works("--config", str(server.config_path))
        self.assertIn("local issuer", self.wrong("status", RAMPART_API=url))

    def run_openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self.directory)


if __name__ == "__main__":
    import unittest
    unittest.main()
