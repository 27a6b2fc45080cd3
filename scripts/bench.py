#!/usr/bin/env python3
"""Measures what was promised, beside the predecessor, in one run.

Prints medians of wall time and peak memory: the high-water mark that the kernel keeps of each process, read
until its end. What it reports after the end would count this program's own memory from before the exec.
"""

import http.client
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ODPM = Path(os.environ.get("ODPM_BENCH_PROGRAM", ROOT / "target/release/odpm"))
PEER = ROOT / "target/bench-peer"
RUNS = int(os.environ.get("ODPM_BENCH_RUNS", "31"))
PORT = os.environ.get("ODPM_EXAMPLE_PORT", "15433")


def measure(command, cwd, env, runs=RUNS):
    """Median seconds and peak MiB of a command that has to succeed."""
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    seconds = []
    for turn in range(runs + 1):
        begin = time.perf_counter()
        code = subprocess.run(command, cwd=cwd, env=env, **streams).returncode
        if code != 0:
            sys.exit(f"{' '.join(map(str, command))} ended with {code}")
        if turn > 0:  # the first one warms the caches
            seconds.append(time.perf_counter() - begin)
    peaks = []
    for _ in range(5):
        child = subprocess.Popen(command, cwd=cwd, env=env, **streams)
        peaks.append(high_water(child))
    return statistics.median(seconds), max(peaks)


def high_water(child, pause=0.0):
    """MiB that the kernel saw last before the process ended; 0 where there is no /proc. Looks again after a pause: looking all
    the time takes a processor, which what works for seconds would miss.
    """
    last = 0
    while child.poll() is None:
        try:
            text = Path(f"/proc/{child.pid}/status").read_text()
        except OSError:
            break
        lines = [line for line in text.splitlines() if line.startswith("VmHWM:")]
        last = int(lines[0].split()[1]) / 1024 if lines else last
        time.sleep(pause)
    child.wait()
    return last


def example(place):
    """The example project, applied. Returns its environment."""
    shutil.copytree(ROOT / ".odpm-example", place, dirs_exist_ok=True)
    majors = sorted((int(path.name) for path in Path("/usr/lib/postgresql").glob("*")), reverse=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(place), "ODPM_EXAMPLE_PORT": PORT}
    if majors:
        env["ODPM_EXAMPLE_POSTGRES"] = str(majors[0])
    subprocess.run([ODPM, "apply", "--yes", "--quiet"], cwd=place, env=env, check=True, stdout=subprocess.DEVNULL)
    return env


def peer(place):
    """odpm 4.7.0 on a project of its own form: its command and environment, or None."""
    python = next((p for p in ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable) if Path(p).exists()), None)
    if not (PEER / "dev_project").exists():
        install = [python, "-m", "pip", "install", "-q", "--target", str(PEER), "odpm==4.7.0"]
        fallback = [sys.executable, *install[1:]]
        if all(subprocess.run(c, capture_output=True).returncode for c in (install, fallback)):
            return None
    env_dir, source = place / "env", place / "source"
    (env_dir / ".odpm").mkdir(parents=True)
    for folder in (source, place / "backups", place / "projects"):
        folder.mkdir()
    manifest = (
        '{"manifest_schema": 2, "requires_odpm": "4.7.0", "odoo_version": "18.0", "python": "3.12", '
        '"distro": {"name": "debian", "version": "12"}, "postgres": "16", "dependencies": [], "requirements": [], '
        '"platform": {"git": "https://example.org/odoo.git"}}'
    )
    (source / "odpm.json").write_text(manifest)
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "a"]):
        subprocess.run(["git", *words], cwd=source, check=True)
    (env_dir / ".env").write_text(f"BACKUP_DIR={place}/backups\nODOO_PROJECTS_DIR={place}/projects\n")
    (env_dir / "user_settings.json").write_text(f'{{"developing_project": "file://{source}", "check_system": false}}')
    command = [python, "-c", "import sys; from dev_project.cli import main; sys.argv[0] = 'odpm'; sys.exit(main())", "plan", "--skip-start"]
    packages = PEER
    if os.geteuid() == 0:  # it refuses root
        packages = place / "packages"
        shutil.copytree(PEER, packages)
        subprocess.run(["chown", "-R", "65534:65534", str(place)], check=True)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    env = {"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONPATH": str(packages)}
    if subprocess.run(command, cwd=env_dir, env=env, capture_output=True).returncode != 0:
        return None
    return command, env_dir, env


class Engine(http.client.HTTPConnection):
    """The Engine API over its socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")


def api_calls(images):
    """Seconds that the Engine API needs for the questions of one status, asked one after the other."""
    questions = ["/containers/json?all=true"] + [f"/images/{image}/json" for image in images]
    begin = time.perf_counter()
    for question in questions:
        engine = Engine("localhost")
        engine.request("GET", question)
        engine.getresponse().read()
        engine.close()
    return time.perf_counter() - begin


def compose_alone(place, env):
    """Seconds that Compose alone needs for the same file on an empty data directory, until all is healthy.

    The role that Odoo logs in with is made in between, which is not counted.
    """
    version = subprocess.run(["docker", "compose", "version"], env=env, capture_output=True)
    words = ["docker", "compose"] if version.returncode == 0 else ["docker-compose"]
    compose = [*words, "-p", "example", "-f", str(place / "docker-compose.yml")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([ODPM, "down", "--yes"], cwd=place, env=env, check=True, **quiet)
    data = place / "data/postgres"
    shutil.rmtree(data)
    data.mkdir(mode=0o700)
    begin = time.perf_counter()
    up_and_healthy(compose, ["db"], place, env)
    seconds = time.perf_counter() - begin
    password = (place / ".odpm/secrets/app_password").read_text().strip()
    subprocess.run([*compose, "exec", "-T", "db", "psql", "-q", "-h", "127.0.0.1", "-U", "postgres", "postgres", "-c",
                    f"CREATE ROLE odoo LOGIN CREATEDB PASSWORD '{password}'"], cwd=place,
                   env=env | {"PGPASSWORD": ""}, **quiet)
    begin = time.perf_counter()
    up_and_healthy(compose, ["odoo", "odoo-cron"], place, env)
    return seconds + time.perf_counter() - begin


def up_and_healthy(compose, services, place, env):
    """Brings services up and waits until none of them is starting any more."""
    subprocess.run([*compose, "up", "-d", "--no-deps", *services], cwd=place, env=env, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ids = subprocess.run([*compose, "ps", "-q", *services], cwd=place, env=env, check=True,
                         stdout=subprocess.PIPE, text=True).stdout.split()
    while b"starting" in subprocess.run(["docker", "inspect", "-f", "{{json .State.Health}}", *ids],
                                        capture_output=True).stdout:
        time.sleep(0.05)


def containers(place):
    """What a running stack costs on the docker engine, beside the calls alone; None where there is none."""
    if subprocess.run(["docker", "version"], capture_output=True).returncode != 0:
        return None
    major = max(int(path.name) for path in Path("/usr/lib/postgresql").glob("*"))
    subprocess.run([ROOT / "tests/images/build.sh", str(major)], check=True, capture_output=True)
    images = [f"odpm-test/postgres:{major}", "odpm-test/odoo:1"]
    shutil.copytree(ROOT / ".odpm-example", place, dirs_exist_ok=True)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "ODPM_EXAMPLE_PORT": str(int(PORT) + 1),
        "ODPM_EXAMPLE_ENGINE": "docker",
        "ODPM_EXAMPLE_POSTGRES": str(major),
        "ODPM_EXAMPLE_POSTGRES_IMAGE": images[0],
        "ODPM_EXAMPLE_ODOO_IMAGE": images[1],
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def first_start():
        subprocess.run([ODPM, "down", "--yes"], cwd=place, env=env, **quiet)
        for folder in ("data", ".odpm"):
            shutil.rmtree(place / folder, ignore_errors=True)
        begin = time.perf_counter()
        subprocess.run([ODPM, "apply", "--yes"], cwd=place, env=env, check=True, **quiet)
        return time.perf_counter() - begin

    firsts, alones = [], []
    try:
        for _ in range(3):
            firsts.append(first_start())
            alones.append(compose_alone(place, env))
        firsts.append(first_start())
        first, alone = statistics.median(firsts), statistics.median(alones)
        calls = statistics.median(api_calls(images) for _ in range(RUNS))
        rows = [(name, measure([str(ODPM), *args], place, env)[0]) for name, args in (
            ("status", ["status"]), ("apply, nothing to do", ["apply", "--yes"]))]
    finally:
        subprocess.run([ODPM, "down", "--yes"], cwd=place, env=env, **quiet)
    return first, alone, calls, rows


def main():
    rows = []
    with tempfile.TemporaryDirectory(prefix="odpm-bench-") as folder:
        os.chmod(folder, 0o755)
        place = Path(folder) / "example"
        place.mkdir()
        env = example(place)
        try:
            for name, args, limit in (
                ("plan --skip-start", ["plan", "--skip-start"], 0.010),
                ("plan", ["plan"], 0.040),
                ("status", ["status"], 0.040),
                ("database status", ["database", "status"], 0.040),
            ):
                rows.append((name, *measure([str(ODPM), *args], place, env), limit))
        finally:
            subprocess.run([ODPM, "down", "--yes", "--quiet"], cwd=place, env=env, stdout=subprocess.DEVNULL)
        docker_place = Path(folder) / "docker"
        docker_place.mkdir()
        docker = containers(docker_place)
        other_place = Path(folder) / "peer"
        other_place.mkdir()
        other = peer(other_place)
        other = measure(*other, runs=max(5, RUNS // 3)) if other else None

    print(f"{'command':<32}{'median':>10}{'limit':>9}{'peak':>11}{'limit':>9}")
    missed = False
    for name, seconds, peak, limit in rows:
        ok = seconds <= limit and peak <= 12
        missed |= not ok
        print(f"{'odpm ' + name:<32}{seconds * 1000:>7.1f} ms{limit * 1000:>6.0f} ms{peak:>7.1f} MiB{12:>5} MiB{'' if ok else '  missed'}")
    if other:
        print(f"{'odpm 4.7.0 plan --skip-start':<32}{other[0] * 1000:>7.1f} ms{'':>9}{other[1]:>7.1f} MiB")
        print(f"\nplan --skip-start: {other[0] / rows[0][1]:.0f} times faster than odpm 4.7.0, "
              f"{other[1] / rows[0][2]:.1f} times smaller (wanted: 20 times faster)")
        missed |= other[0] / rows[0][1] < 20
    else:
        print("odpm 4.7.0 could not be installed here: no peer in this run")
    if docker:
        first, alone, calls, rows = docker
        print(f"\non the docker engine: first start {first:.1f} s, {first / alone:.2f} times Compose alone (wanted: 1.10); "
              f"the engine's own answers to one status {calls * 1000:.1f} ms")
        missed |= first / alone > 1.1
        for name, seconds in rows:
            print(f"{'odpm ' + name:<32}{seconds * 1000:>7.1f} ms, {seconds / calls:.1f} times the answers alone")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
