"""Images that cwsandbox's suite names, made here of Debian's packages and served by a registry on loopback.

    python3 tests/peers/images.py JETWAY DATA_DIR WORK_DIR REGISTRY [UID]

debootstrap makes the roots in WORK_DIR (once; as root), REGISTRY (Debian's docker-registry) serves them, and JETWAY
pulls them into DATA_DIR (as UID) under the names that the suite uses. They are stand-ins: the same programs, from another
distribution, in places of another version. What is what is printed.
"""

import gzip
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
import urllib.request
from pathlib import Path

# Suite of Debian, packages, what the image says about its processes, and the names that it is to have.
IMAGES = {
    "debian-tools": (
        "bookworm",
        ["redis-server", "python3"],
        {"Cmd": ["redis-server"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
        ["redis:7", "redis:7-alpine", "python:3.12-slim", "ubuntu:22.04"],
    ),
    "debian-python39": (
        "bullseye",
        ["python3", "openssl"],
        {"Cmd": ["python3"], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
        ["python:3.9"],
    ),
}
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def mirror():
    """The Debian archive that this machine's apt uses."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages"]
    rows = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    found = [row.split()[0] for row in rows if row.endswith(" main") and row.split()[0].rstrip("/").endswith("/debian")]
    if not found:
        sys.exit("this machine's apt sources name no Debian archive")
    return found[0]


def layer(work, name, suite, packages):
    """A compressed tar of a root with these packages."""
    packed = work / f"{name}.tar.gz"
    if packed.is_file():
        return packed
    root = work / name
    subprocess.run(["rm", "-rf", root], check=True)
    made = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite, root, mirror()]
    # Without services: nothing of it is to run here.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, env=environment)
    for path in ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"]:
        subprocess.run(["rm", "-rf", root / path], check=True)
    draft = work / f"{name}.part"
    with gzip.open(draft, "wb", compresslevel=1) as to, tarfile.open(fileobj=to, mode="w|") as tar:
        tar.add(root, arcname=".", filter=lambda entry: None if entry.isdev() and not entry.isfifo() else entry)
    draft.rename(packed)
    subprocess.run(["rm", "-rf", root], check=True)
    return packed


class Registry:
    """docker-registry on a port of its own, as long as the block lasts."""

    def __init__(self, program, work):
        self.program, self.work = program, work

    def __enter__(self):
        config = self.work / "registry.yml"
        store = {"filesystem": {"rootdirectory": str(self.work / "registry")}}
        log = {"level": "info", "accesslog": {"disabled": True}}
        config.write_text(json.dumps({"version": "0.1", "log": log, "storage": store, "http": {"addr": "127.0.0.1:0"}}))
        said = self.work / "registry.log"
        self.child = subprocess.Popen([self.program, "serve", config], stdout=subprocess.DEVNULL, stderr=said.open("w"))
        for _ in range(600):
            found = re.search(r"listening on 127\.0\.0\.1:(\d+)", said.read_text())
            if found:
                self.address = f"127.0.0.1:{found[1]}"
                return self
            subprocess.run(["sleep", "0.05"], check=True)
        raise SystemExit(f"the registry does not come up: {said.read_text()}")

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()

    def send(self, method, path, body=None, kind="application/octet-stream"):
        url = path if path.startswith("http") else f"http://{self.address}{path}"
        request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": kind})
        return urllib.request.urlopen(request)

    def blob(self, name, content, kind):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        place = self.send("POST", f"/v2/{name}/blobs/uploads/", b"").headers["Location"]
        self.send("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", content)
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    def push(self, name, packed, config):
        content = packed.read_bytes()
        plain = "sha256:" + hashlib.sha256(gzip.decompress(content)).hexdigest()
        image = {"architecture": MACHINE, "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": [plain]}}
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self.blob(name, json.dumps(image).encode(), "application/vnd.oci.image.config.v1+json"),
            "layers": [self.blob(name, content, "application/vnd.oci.image.layer.v1.tar+gzip")],
        }
        self.send("PUT", f"/v2/{name}/manifests/1", json.dumps(manifest).encode(), manifest["mediaType"])


def main(jetway, data_dir, work, registry, uid=None):
    work = Path(work)
    whose = {} if uid is None else {"user": int(uid), "group": int(uid), "extra_groups": []}
    work.mkdir(parents=True, exist_ok=True)
    with Registry(registry, work) as registry:
        for name, (suite, packages, config, names) in IMAGES.items():
            try:
                packed = layer(work, name, suite, packages)
            except (subprocess.CalledProcessError, FileNotFoundError) as error:
                print(f"not had: {', '.join(names)} (Debian {suite}: {error})")
                continue
            registry.push(name, packed, config)
            for alias in names:
                source = f"{registry.address}/{name}:1"
                pull = [jetway, "image", "pull", source, "--as", alias, "--data-dir", data_dir]
                subprocess.run(pull, check=True, **whose)
            print(f"{', '.join(names)}: Debian {suite} with {', '.join(packages)}, {packed.stat().st_size >> 20} MiB")


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    main(*sys.argv[1:])
