"""A gateway under load: its database, its process, and what both cost. Standard library only."""

import http.client
import json
import os
import subprocess
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / "benches/load/peer"
PASSWORD = "correct horse battery staple"
ROUTER_SECRET = "a router that is only measured 0123456789"
TICKS = os.sysconf("SC_CLK_TCK")


def psql(url, sql, **variables):
    """Runs SQL and returns what it prints."""
    options = [f"-v{name}={value}" for name, value in variables.items()]
    command = ["psql", "-qAtX", "-vON_ERROR_STOP=1", *options, url]
    done = subprocess.run(command, input=sql, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def processes():
    """Every process: its parent, and its CPU time in seconds, with that of children that have ended."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(entry)] = (int(fields[1]), sum(map(int, fields[11:15])) / TICKS)
    return found


def cpu_below(root):
    """CPU time of a process and all those it started."""
    known = processes()
    total, todo = 0.0, [root]
    while todo:
        pid = todo.pop()
        total += known.get(pid, (0, 0.0))[1]
        todo += [child for child, (parent, _) in known.items() if parent == pid]
    return total


def busy():
    """CPU time of the whole machine, in seconds."""
    first = Path("/proc/stat").read_text().splitlines()[0].split()
    times = [int(field) for field in first[1:9]]
    return (sum(times) - times[3] - times[4]) / TICKS


class Gateway:
    """One instance on a database of its own."""

    def __init__(self, name, settings=None):
        administration = os.environ["IDGATE_TEST_POSTGRES_URL"]
        self.redis = os.environ["IDGATE_TEST_REDIS_URL"]
        psql(administration, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        psql(administration, f"CREATE DATABASE {name}")
        parts = urllib.parse.urlsplit(administration)
        self.database = urllib.parse.urlunsplit(parts._replace(path="/" + name))
        self.settings = settings or {}
        self.administration, self.name = administration, name
        self.port = self.pid = None
        parent = "SELECT split_part(stat, ' ', 4) FROM (SELECT pg_read_file(" \
            "'/proc/' || pg_backend_pid() || '/stat') AS stat) AS it"
        self.postgres = int(psql(administration, parent))
        with_data = {"DATABASE_URL": self.database, "IDGATE_DATA_DIR": f"/tmp/idgate-load-{os.getpid()}"}
        binary = ROOT / "target/release/idgate"
        subprocess.run([binary, "migrate"], env={**os.environ, **with_data}, check=True,
                       stdout=subprocess.DEVNULL)

    def sql(self, sql, **variables):
        return psql(self.database, sql, **variables)

    def start(self):
        """Starts it, and returns after how many seconds it was ready."""
        import socket
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environment = {**os.environ, "DATABASE_URL": self.database, "REDIS_URL": self.redis,
                       "BENCH_LOG": f"/tmp/idgate-load-{self.name}.log", **self.settings}
        begun = time.monotonic()
        started = subprocess.run([PEER / "start.sh", str(self.port)], env=environment, check=True,
                                 text=True, capture_output=True)
        self.pid = int(started.stdout)
        while time.monotonic() - begun < 60:
            try:
                if self.request("GET", "/health/ready")[0] == 200:
                    return time.monotonic() - begun
            except OSError:
                pass
            time.sleep(0.005)
        raise RuntimeError("the gateway does not become ready")

    def stop(self):
        if self.pid:
            subprocess.run([PEER / "stop.sh", str(self.pid)], check=False)
            self.pid = None

    def close(self):
        self.stop()
        psql(self.administration, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def memory(self):
        """Proportional set size in megabytes."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def ask(self, query, variables=None, token=None):
        """The data of an operation, which must succeed."""
        body = json.dumps({"query": query, "variables": variables or {}})
        _, text = self.request("POST", "/graphql", body, headers(token))
        answer = json.loads(text)
        if "errors" in answer:
            raise RuntimeError(text)
        return answer["data"]

    def register(self, email):
        query = "mutation($i: RegisterInput!) { register(input: $i) { ... on SignedIn " \
            "{ accessToken user { id } } } }"
        person = {"email": email, "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace"}
        return self.ask(query, {"i": person})["register"]

    def login(self, email):
        return self.ask(LOGIN, {"e": email, "p": PASSWORD})["login"]["accessToken"]


LOGIN = "mutation($e: String!, $p: String!) { login(input: { emailOrPhone: $e, password: $p }) " \
    "{ ... on SignedIn { accessToken user { id } } } }"


def headers(token=None):
    """What every request of a measurement carries."""
    fixed = {"accept": "application/json", "content-type": "application/json",
             "idgate-router-secret": ROUTER_SECRET}
    return {**fixed, "authorization": f"Bearer {token}"} if token else fixed


class Load:
    """Requests in turn, by wrk."""

    def __init__(self, gateway, requests, must):
        self.gateway, self.must = gateway, must
        self.requests = [
            {"body": json.dumps({"query": query, "variables": variables}), "headers": headers(token)}
            for query, variables, token in requests
        ]

    def run(self, clients, seconds):
        """Rates, latencies and what one request cost."""
        folder = Path(f"/tmp/idgate-load-{os.getpid()}")
        folder.mkdir(exist_ok=True)
        plan, out = folder / "plan.lua", folder / "out.json"
        plan.write_text("return " + lua({"requests": self.requests, "must": self.must}))
        environment = {**os.environ, "PLAN": str(plan), "OUT": str(out)}
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "20s",
                   "-s", str(ROOT / "benches/load/requests.lua"),
                   f"http://127.0.0.1:{self.gateway.port}/graphql"]
        server, postgres, all_, begun = self.spent()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        server_after, postgres_after, all_after, ended = self.spent()
        found = json.loads(out.read_text())
        if found["wrong"] or not found["requests"]:
            raise RuntimeError(f"wrong answers: {found}")
        count = found["requests"]
        own = server_after - server + postgres_after - postgres
        return {
            "rate": found["rate"], "p50": found["p50"], "p99": found["p99"],
            "server": (server_after - server) / count * 1e6,
            "postgres": (postgres_after - postgres) / count * 1e6,
            "machine": (all_after - all_) / (ended - begun) / os.cpu_count(),
            "own": own / (ended - begun) / os.cpu_count(),
        }

    def spent(self):
        gateway = self.gateway
        return cpu_below(gateway.pid), cpu_below(gateway.postgres), busy(), time.monotonic()


def lua(value):
    """A Lua literal."""
    if isinstance(value, str):
        quoted = value.encode()
        return '"' + "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03}"
                             for byte in quoted) + '"'
    if isinstance(value, dict):
        return "{" + ",".join(f"[{lua(key)}]={lua(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ",".join(map(lua, value)) + "}"
    return str(value)
