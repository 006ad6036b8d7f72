"""What swapping lists leaves behind: nothing, also in workers that have no queries to notice by."""
import pathlib
import unittest
import urllib.request

from harness import IS_SANITIZED, E2eTest, Knot, Rampart, base_config, wait_for

NAMES = 1_000_000


class Swap(E2eTest):
    @unittest.skipIf(IS_SANITIZED, "a sanitizer keeps memory that was freed")
    def test_a_server_without_queries_gives_its_old_lists_back(self):
        knot = self.start(Knot(self.directory, []))
        path = pathlib.Path(self.directory) / "list.txt"
        with path.open("w") as f:
            f.writelines(f"n{i}.ads.example.org\n" for i in range(NAMES))
        server = self.start(Rampart(self.directory, base_config(knot.port, f"""
workers: 4
blocking:
  denylists: {{ads: [{path}]}}
  clientGroupsBlock: {{default: [ads]}}
""").replace("ports:\n", "ports:\n  http: {http}\n")))
        index = NAMES * 9.6 / 1024

        def resident():
            status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
            return int(status.split("VmRSS:")[1].split()[0])

        def refresh():
            request = urllib.request.Request(f"http://127.0.0.1:{server.http_port}/api/lists/refresh", method="POST")
            with urllib.request.urlopen(request, timeout=60) as response:
                self.assertEqual(response.status, 200)

        before = resident()
        for _ in range(3):  # no query meanwhile, by which a worker would notice
            refresh()
        wait_for(lambda: resident() < before + index / 2, "old lists are given back", 10)


if __name__ == "__main__":
    unittest.main()
