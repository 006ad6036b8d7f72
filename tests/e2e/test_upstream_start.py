"""What `upstreams.init.strategy` promises when no upstream answers at start: `fast` serves at once, `blocking`
serves after it has tried, `failOnError` gives up."""
import unittest

from harness import E2eTest, Knot, Rampart, addresses, base_config, free_port, wait_for

LOCAL = """
blocking:
  denylists: {ads: ["ads.example.org\\n"]}
  clientGroupsBlock: {default: [ads]}
"""


def config(port, strategy):
    return base_config(port, LOCAL).replace("upstreams:", f"upstreams:\n  init: {{strategy: {strategy}}}")


class UpstreamStart(E2eTest):
    def test_fast_and_blocking_serve_without_an_upstream_and_find_it_later(self):
        for strategy in ("fast", "blocking"):
            with self.subTest(strategy):
                port = free_port()
                server = self.start(Rampart(self.directory, config(port, strategy)))
                self.assertEqual(addresses(server.query("ads.example.org")), ["0.0.0.0"])
                self.assertEqual(server.query("www.example.org").rcode(), 2)
                self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1"], port=port))
                wait_for(lambda: addresses(server.query("www.example.org")) == ["192.0.2.1"], "the upstream is found")

    def test_fail_on_error_gives_up_and_names_the_upstream(self):
        port = free_port()
        server = Rampart(self.directory, config(port, "failOnError"), wait=False)
        self.start(server)
        server.process.wait(20)
        self.assertEqual(server.process.returncode, 1)
        self.assertIn(f"127.0.0.1:{port}", server.log)

    def test_fail_on_error_serves_when_one_answers(self):
        knot = self.start(Knot(self.directory, ["*.example.org. 300 A 192.0.2.1", "example.com. 300 A 192.0.2.9"]))
        server = self.start(Rampart(self.directory, config(knot.port, "failOnError")))
        self.assertEqual(addresses(server.query("www.example.org")), ["192.0.2.1"])


if __name__ == "__main__":
    unittest.main()
