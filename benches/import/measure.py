#!/usr/bin/env python3
"""Measures `idgate import django` of a release build: benches/import/run starts it beside a throw-away Postgres.

speed [ROWS [ROUNDS]]  an import, a second one that changes nothing, and plain INSERT … SELECT of the same rows, in turn
weak [ROWS]      an import of which every password has to be wrapped in Argon2id
memory [ROWS…]   the peak of the process at each size
writers [ROWS]   the latency of the old system's writers, with and without an import
"""
import base64
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
SERVER = os.environ["IDGATE_TEST_POSTGRES_URL"]
PROGRAM = os.environ["IMPORT_PROGRAM"]
# Every table that an import writes rows of people to, in the order of their references.
TABLES = ["users", "passwords", "person_keys", "identities", "import_records", "audit_events", "audit_links"]
# Those of the bare account, which is the least that a copy could do.
ACCOUNTS = ["users", "passwords"]


def url(name):
    return urlsplit(SERVER)._replace(path=f"/{name}").geturl()


def psql(name, sql=None, file=None, **variables):
    command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", url(name)]
    for variable in variables.items():
        command += ["-v", "%s=%s" % variable]
    command += ["-f", str(file)] if file else ["-c", sql]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def fresh(name):
    psql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    psql("postgres", f"CREATE DATABASE {name}")


def legacy(people, weak=0):
    fresh("legacy")
    psql("legacy", file=HERE / "source.sql", people=people, weak=weak)


class Idgate:
    """The program, with a database and a data directory of its own."""

    def __init__(self, name):
        self.name = name
        fresh(name)
        self.data = tempfile.TemporaryDirectory()
        self.environment = os.environ | {
            "DATABASE_URL": url(name), "IDGATE_DATA_DIR": self.data.name, "IDGATE_DATABASE__MIGRATE_AT_START": "always",
            "IDGATE_KEYS__MASTER": base64.b64encode(bytes(range(32))).decode(), "REDIS_URL": os.environ["IDGATE_TEST_REDIS_URL"],
        }
        self.run("migrate")

    def run(self, *arguments):
        """Seconds, CPU seconds and the peak of memory in MB; it has to succeed."""
        before = time.monotonic()
        log = tempfile.TemporaryFile()
        child = subprocess.Popen([PROGRAM, *arguments], env=self.environment, stdout=log, stderr=log)
        peak = 0
        while True:
            try:
                for line in open(f"/proc/{child.pid}/status"):
                    if line.startswith("VmHWM"):
                        peak = max(peak, int(line.split()[1]))
            except FileNotFoundError:
                pass
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.01)
        took = time.monotonic() - before
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            log.seek(0)
            sys.exit(f"{arguments}: {child.returncode}\n" + log.read().decode())
        return took, usage.ru_utime + usage.ru_stime, peak / 1024

    def import_all(self):
        return self.run("import", "django", "--source", url("legacy"))


def plain(people, tables):
    """Seconds of plain statements that copy these tables into empty ones of a database with the same schema."""
    source = "accounts"
    fresh("plain")
    dump = subprocess.Popen(["pg_dump", "--schema-only", url(source)], stdout=subprocess.PIPE)
    subprocess.run(["psql", "-Xq", url("plain")], stdin=dump.stdout, check=True, capture_output=True)
    dump.wait()
    # The rows, staged in the database itself, without an index.
    psql("plain", "CREATE SCHEMA staged")
    for table in tables:
        psql("plain", f"CREATE TABLE staged.{table} AS TABLE {table}")
        out = subprocess.Popen(["psql", "-Xq", url(source), "-c", f"COPY {table} TO STDOUT"], stdout=subprocess.PIPE)
        subprocess.run(["psql", "-Xq", url("plain"), "-c", f"COPY staged.{table} FROM STDIN"], stdin=out.stdout, check=True)
        out.wait()
    psql("plain", "ANALYZE")
    statements = [f"INSERT INTO {table} SELECT * FROM staged.{table}" for table in tables]
    psql("plain", "CHECKPOINT")
    before = time.monotonic()
    psql("plain", "BEGIN; " + "; ".join(statements) + "; COMMIT")
    took = time.monotonic() - before
    assert int(psql("plain", "SELECT count(*) FROM users")) == people
    return took


def speed(people=100_000, rounds=3):
    legacy(people)
    print(f"{people} people, {rounds} rounds in turn, seconds")
    best = {}
    for _ in range(rounds):
        idgate = Idgate("accounts")
        psql("accounts", "CHECKPOINT")
        took, cpu, _peak = idgate.import_all()
        assert int(psql("accounts", "SELECT count(*) FROM users")) == people
        again, _cpu, _peak = idgate.import_all()
        whole, least = plain(people, TABLES), plain(people, ACCOUNTS)
        row = {"import": took, "its CPU time": cpu, "second run": again, "plain, every row": whole, "plain, users and passwords": least}
        print("  ".join(f"{name} {value:.2f}" for name, value in row.items()), flush=True)
        for name, value in row.items():
            best[name] = min(value, best.get(name, value))
    for name in ["plain, every row", "plain, users and passwords"]:
        print(f"import / {name}: {best['import'] / best[name]:.2f}   second run / it: {best['second run'] / best[name]:.2f}")


def weak(people=5_000):
    legacy(people, weak=100)
    took, cpu, peak = Idgate("accounts").import_all()
    print(f"{people} digests wrapped in {took:.1f} s ({people / took:.0f}/s), CPU {cpu:.1f} s on {os.cpu_count()} cores, peak {peak:.0f} MB")


def memory(*sizes):
    for people in map(int, sizes or (10_000, 100_000, 1_000_000)):
        legacy(people)
        idgate = Idgate("accounts")
        for name in ["import", "again"]:
            took, cpu, peak = idgate.import_all()
            print(f"{people:>8} {name:<7} {took:7.1f} s  CPU {cpu:6.1f} s  peak {peak:6.1f} MB", flush=True)


def percentile(values, share):
    return sorted(values)[int(len(values) * share)]


def written(people, seconds, meanwhile):
    """Latencies in ms of writers that update rows of random users at a fixed rate."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "write.sql")
        script.write_text(
            f"\\set id random(1, {people})\nBEGIN;\n"
            "UPDATE userauths_user SET last_login = now() WHERE id = :id;\n"
            "UPDATE userauths_profile SET wallet_balance = wallet_balance + 1 WHERE user_id = :id;\nCOMMIT;\n")
        pgbench = subprocess.Popen(
            ["pgbench", "-n", "-M", "prepared", "-c", "4", "-j", "1", "-R", "200", "-T", str(seconds), "-l",
             "--log-prefix", str(Path(folder, "log")), "-f", str(script), url("legacy")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        imports = 0
        while pgbench.poll() is None:
            if meanwhile:
                meanwhile()
                imports += 1
            else:
                time.sleep(0.1)
        lines = [line.split() for log in Path(folder).glob("log*") for line in log.read_text().splitlines()]
        return [int(line[2]) / 1000 for line in lines], imports


def writers(people=100_000, seconds=30):
    legacy(people)
    written(people, 5, None)
    print(f"{people} people, writers at 200 transactions a second for {seconds} s, latency in ms")
    for name in ["without", "importing", "without", "importing"]:
        meanwhile = None
        if name == "importing":
            def meanwhile():
                Idgate("accounts").import_all()
        latencies, imports = written(people, seconds, meanwhile)
        shown = "  ".join(f"p{share * 100:g} {percentile(latencies, share):.2f}" for share in (0.5, 0.95, 0.99, 0.999))
        print(f"{name:<10} {len(latencies)} transactions  {shown}  max {max(latencies):.1f}  imports {imports}", flush=True)


if __name__ == "__main__":
    measures = {"speed": speed, "weak": weak, "memory": memory, "writers": writers}
    name, *sizes = sys.argv[1:] or ["speed"]
    if name not in measures:
        sys.exit(__doc__)
    measures[name](*map(int, sizes))
