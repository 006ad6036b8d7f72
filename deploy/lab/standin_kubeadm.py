#!/usr/bin/env python3
"""Stands in for kubeadm on a master of the lab: what the role `kubernetes` asks of it, and what it needs of the cluster.

As the real one does, `init` and `join` wait for the API at the control plane's endpoint, `join` before its own server runs,
and leave admin.conf and the API server's manifest behind. The server itself is the lab's apiserver.py.
"""
import argparse
import pathlib
import re
import ssl
import subprocess
import sys
import time
import urllib.request

ETC = pathlib.Path("/etc/kubernetes")
TICKET = "kubeadm join {} --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash sha256:0"
KEY = "5ca1ab1e"


def wait_for_api(endpoint):
    """The API answers at the endpoint within half a minute, or this ends."""
    context = ssl._create_unverified_context()  # pylint: disable=protected-access
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"https://{endpoint}/readyz", timeout=2, context=context):
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"kubeadm's stand-in: no API at {endpoint} within 30 s")


def run_server(address, endpoint):
    """Starts this master's API server, and says so where the role looks."""
    (ETC / "manifests").mkdir(parents=True, exist_ok=True)
    (ETC / "endpoint").write_text(endpoint)
    subprocess.run(["systemd-run", "-q", "--unit=apiserver", "python3", "/root/lab/apiserver.py", address], check=True)
    wait_for_api(endpoint)
    (ETC / "manifests/kube-apiserver.yaml").write_text("    - --etcd-servers=https://127.0.0.1:2379\n")
    (ETC / "admin.conf").write_text("")


def main():
    """One of kubeadm's commands."""
    words = sys.argv[1:]
    if words[:3] == ["init", "phase", "upload-certs"]:
        wait_for_api((ETC / "endpoint").read_text())
        print("[upload-certs] Using certificate key:\n" + KEY)
    elif words[0] == "init":
        text = pathlib.Path(words[words.index("--config") + 1]).read_text()
        run_server(*(re.search(rf"{key}: (\S+)", text)[1] for key in ("advertiseAddress", "controlPlaneEndpoint")))
    elif words[:2] == ["token", "create"]:
        endpoint = (ETC / "endpoint").read_text()
        wait_for_api(endpoint)
        print(TICKET.format(endpoint))
    elif words[0] == "join":
        parser = argparse.ArgumentParser()
        parser.add_argument("endpoint")
        parser.add_argument("--token", required=True)
        parser.add_argument("--discovery-token-ca-cert-hash", required=True)
        parser.add_argument("--control-plane", action="store_true", required=True)
        parser.add_argument("--certificate-key", required=True, choices=[KEY])
        parser.add_argument("--apiserver-advertise-address", required=True)
        args = parser.parse_args(words[1:])
        wait_for_api(args.endpoint)
        run_server(args.apiserver_advertise_address, args.endpoint)
    else:
        sys.exit(f"kubeadm's stand-in does not know: {' '.join(words)}")


if __name__ == "__main__":
    main()
