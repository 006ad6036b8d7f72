"""The container images that the lab runs: one from nothing, one over a plain Debian root; built beside the boot."""
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading

import yaml

from cluster import HERE, Failed, Skipped

OVERLAY = HERE.parent / "kubernetes/overlays/lab"
UNITS = {"kB": 1e-3, "KB": 1e-3, "MB": 1.0, "GB": 1e3}


@dataclasses.dataclass
class Image:
    """An image as an archive that podman loads, its size and that of what it stands on."""
    archive: pathlib.Path
    megabytes: float
    base_megabytes: float = 0.0


def pods():
    """The lab overlay as podman takes it: one pod a host, and nothing that only a control plane knows."""
    if not shutil.which("kubectl"):
        raise Skipped("kubectl is not installed (deploy/lab/setup installs it)")
    result = subprocess.run(["kubectl", "kustomize", str(OVERLAY)], capture_output=True, text=True, check=False)
    if result.returncode:
        raise Failed(f"the manifests could not be rendered: {result.stderr[-500:]}")
    keep = []
    for thing in yaml.safe_load_all(result.stdout):
        if thing["kind"] == "Deployment":
            thing["spec"]["replicas"] = 1
            keep.append(thing)
        elif thing["kind"] == "ConfigMap":
            keep.insert(0, thing)
    return yaml.safe_dump_all(keep, sort_keys=False)


class Images:
    """Builds both images in the background; `get` waits for one, and raises what kept it from being built."""

    def __init__(self, lab):
        self.lab, self.store = lab, lab.state / "store"
        self.built, self.faults = {}, {}
        self.process, self.ended = None, False
        self.ready = {kind: threading.Event() for kind in ("scratch", "debian")}
        threading.Thread(target=self._build_all, daemon=True).start()

    def get(self, kind):
        """The image, once it is built."""
        if not self.ready[kind].wait(timeout=240):
            raise Failed(f"the image '{kind}' was not built within 240 s")
        if kind in self.faults:
            raise self.faults[kind]
        return self.built[kind]

    def stop(self):
        """Ends a build that nobody waits for any more, with all that it started."""
        self.ended = True
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _build_all(self):
        for kind, build in (("scratch", self._scratch), ("debian", self._debian)):
            try:
                if not shutil.which("buildah"):
                    raise Skipped("buildah is not installed (deploy/lab/setup installs it)")
                self.built[kind] = build()
            except (Skipped, Failed, OSError) as fault:
                self.faults[kind] = fault
            self.ready[kind].set()

    def _run(self, *words):
        """Runs a command, with a process group of its own so that `stop` finds its children."""
        if self.ended:
            raise Failed("the lab ended before its images were built")
        self.process = subprocess.Popen(["nice", "-n", "5", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, start_new_session=True)
        text, _ = self.process.communicate()
        if self.process.returncode:
            raise Failed(f"{pathlib.Path(str(words[0])).name} ended with {self.process.returncode}: {text[-600:]}")
        return text

    def _buildah(self, *words):
        return self._run("buildah", "--root", self.store / "root", "--runroot", self.store / "run", "--storage-driver", "vfs", *words)

    def _finish(self, tag, name):
        """Writes the archive; returns it with its size."""
        archive = self.lab.state / f"{name}.tar"
        archive.unlink(missing_ok=True)
        self._buildah("push", "-q", tag, f"docker-archive:{archive}:{tag}")
        return Image(archive, self._size(tag))

    def _size(self, tag):
        found = json.loads(self._buildah("images", "--json", tag))[0]["size"].split()
        return float(found[0]) * UNITS[found[1]]

    def _scratch(self):
        unpacked = self.lab.state / "unpacked"
        self._run("dpkg-deb", "-x", self.lab.package, unpacked)
        self._run(HERE.parent / "container/build", "--scratch", "--binary", unpacked / "usr/bin/rampart", "--tag", "localhost/rampart:lab",
                  "--storage", self.store)
        return self._finish("localhost/rampart:lab", "scratch")

    def _debian(self):
        root = self._run(HERE / "base", "--image").strip().splitlines()[-1]
        context = self.lab.state / "debian"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text("FROM scratch\nADD root.tar /\n")
        shutil.copy(root, context / "root.tar")
        self._buildah("build", "-q", "--isolation", "chroot", "-t", "localhost/debian:12", context)
        self._run(HERE.parent / "container/build", "--deb", self.lab.package, "--base", "localhost/debian:12",
                  "--tag", "localhost/rampart:debian", "--storage", self.store)
        image = self._finish("localhost/rampart:debian", "image")
        image.base_megabytes = self._size("localhost/debian:12")
        return image
