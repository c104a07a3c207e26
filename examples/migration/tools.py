"""What the rehearsal is made of: programs that run as an operator would run them, and requests."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
STARTED = time.monotonic()


class Failed(Exception):
    """Something is not as the runbook says."""


def day(text):
    print(f"\n━━ {text}  [{time.monotonic() - STARTED:.0f} s since the start]", flush=True)


def check(what, holds, shown=""):
    """Says what holds, or ends the rehearsal."""
    if not holds:
        raise Failed(f"{what}\n{shown}".rstrip())
    print(f"   ok  {what}", flush=True)


def shown(command):
    print("   $ " + " ".join(map(str, command)), flush=True)


class Shop:
    """The old system, run by one version of Django."""

    def __init__(self, python, database, secret_key):
        self.python = python
        self.database = database
        self.env = os.environ | {
            "SHOP_DATABASE": database,
            "SHOP_SECRET_KEY": secret_key,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def manage(self, *arguments, text=None):
        command = [self.python, HERE / "shop" / "manage.py", *map(str, arguments)]
        shown(["python", "manage.py", *arguments])
        run = subprocess.run(command, env=self.env, input=text, capture_output=True, text=True)
        if run.returncode != 0:
            raise Failed(f"manage.py {arguments[0]} ended with {run.returncode}\n{run.stderr}")
        return run.stdout

    def version(self):
        return subprocess.check_output([self.python, "-m", "django", "--version"], text=True).strip()

    def sign_in(self, people):
        """Who of the people, as pairs of address and password, can sign in."""
        lines = "".join(f"{address}\t{password}\n" for address, password in people)
        return json.loads(self.manage("try_sign_in", text=lines))

    def run_sql(self, file):
        """Runs a file of SQL as the client program of the database does: all of it or nothing."""
        if self.database.startswith("sqlite://"):
            command = [*sqlite3_client(), self.database.removeprefix("sqlite://")]
        else:
            command = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", self.database]
        shown([Path(command[0]).name, "DATABASE", "<", file])
        with open(file, "rb") as text:
            run = subprocess.run(command, stdin=text, capture_output=True, text=True)
        if run.returncode != 0:
            raise Failed(f"{command[0]} ended with {run.returncode}\n{run.stderr}")
        return run.stdout


def sqlite3_client():
    """The command line of SQLite, or where there is none, what Python has in its place."""
    if shutil.which("sqlite3"):
        return ["sqlite3", "-bail"]
    run = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.stdin.read())"
    return [sys.executable, "-c", run]


class Gateway:
    """idgate: its commands, and the server."""

    def __init__(self, program, directory, settings):
        self.program = program
        self.directory = directory
        self.settings = settings
        self.server = None
        self.address = ""

    def env(self):
        # Settings of the machine are not those of the rehearsal.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IDGATE_")}
        return kept | {"IDGATE_DATA_DIR": str(self.directory)} | self.settings

    def run(self, *arguments, status=0):
        """Runs a command that prints JSON, a line each; returns the lines."""
        shown(["idgate", *arguments])
        command = [self.program, *map(str, arguments)]
        run = subprocess.run(command, env=self.env(), capture_output=True, text=True)
        if run.returncode != status:
            raise Failed(f"it ended with {run.returncode}, not {status}\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
        return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]

    def kill_at(self, event, count, *arguments):
        """Starts a command, and kills it at once when it has told an event so often."""
        shown(["idgate", *arguments, f"   (killed at {event} number {count})"])
        command = [self.program, *map(str, arguments)]
        with subprocess.Popen(command, env=self.env(), stdout=subprocess.PIPE, text=True) as run:
            for line in run.stdout:
                count -= json.loads(line)["event"] == event
                if count == 0:
                    run.send_signal(signal.SIGKILL)
                    break
        return run.returncode == -signal.SIGKILL

    def serve(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = "127.0.0.1:%d" % free.getsockname()[1]
        shown(["idgate", "serve"])
        log = open(self.directory / "log", "ab")
        env = self.env() | {"IDGATE_SERVER__LISTEN": self.address}
        self.server = subprocess.Popen([self.program, "serve"], env=env, stdout=log, stderr=log)
        for _ in range(600):
            if self.server.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://{self.address}/health/ready"):
                    return
            except OSError:
                time.sleep(0.1)
        raise Failed(f"idgate does not serve; its log is {self.directory / 'log'}")

    def stop(self):
        if self.server and self.server.poll() is None:
            self.server.terminate()
            self.server.wait(60)
        self.server = None

    def request(self, operation, body=None, token=None, method="POST"):
        """One operation of the REST API: the status and the body."""
        request = urllib.request.Request(
            f"http://{self.address}/api/v1/auth/{operation}/",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {}),
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def graphql(self, document, variables, token):
        request = urllib.request.Request(
            f"http://{self.address}/graphql",
            data=json.dumps({"query": document, "variables": variables}).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def login(self, address, password):
        return self.request("login", {"email_or_phone": address, "password": password})


def last(events, kind):
    """The last event of a kind."""
    found = [event for event in events if event["event"] == kind]
    if not found:
        raise Failed(f"there is no event {kind}: {events[-3:]}")
    return found[-1]


def fail(text):
    print(f"\nmigration: {text}", file=sys.stderr)
    sys.exit(1)
