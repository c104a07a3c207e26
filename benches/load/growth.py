#!/usr/bin/env python3
"""How the cost of an operation grows with what there is: people, clients, entities, sessions, audit
rows, listeners. `benches/load/run` starts it with a Postgres and a Redis beside it.

Writes one table and one plot into docs/performance.md and docs/performance/.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import listeners
import plot
from gateway import LOGIN, PASSWORD, ROOT, Gateway, Load

ME = "{ me { id email role firstName lastName isVerified } }"
USERS = "{ users(first: 100) { nodes { id email role firstName } } }"
SEARCH = '{ users(first: 20, filter: { search: "%s" }) { nodes { id email } } }'
ENTITIES = "query($r: [_Any!]!) { _entities(representations: $r) " \
    "{ ... on User { id pid role firstName } } }"
SESSIONS = "{ me { sessions(first: 20) { nodes { id browser lastSeenAt } } } }"
EVENTS = "{ auditEvents(first: 20) { nodes { id action createdAt } } }"

#: Accounts that sign in: all with the password, and so the hash, of the first.
CALLERS = 64

CALLERS_SQL = """
INSERT INTO users (id, pid, email, email_canonical, email_verified, first_name, last_name, role,
                   auth_provider, is_verified, created_at, updated_at)
SELECT gen_random_uuid(), 'C' || n, 'caller' || n || '@example.com', 'caller' || n || '@example.com',
       TRUE, 'First' || n, 'Last' || n, 'admin', 'email', TRUE, now(), now()
FROM generate_series(1, :callers) AS n;
INSERT INTO passwords (user_id, hash, changed_at)
SELECT id, (SELECT hash FROM passwords LIMIT 1), now() FROM users WHERE email LIKE 'caller%';
"""

#: Without the trigger, because rows that nothing has signed must not wait to be linked.
AUDIT_SQL = """
ALTER TABLE audit_events DISABLE TRIGGER audit_events_wait;
INSERT INTO audit_events (id, created_at, action, request_id, sealed_details, mac)
SELECT gen_random_uuid(), now() - n * interval '1 second', 'login.succeeded', 'made', '', ''
FROM generate_series(1, :rows) AS n;
ALTER TABLE audit_events ENABLE TRIGGER audit_events_wait;
ANALYZE audit_events;
"""

SESSIONS_SQL = """
INSERT INTO sessions (id, user_id, created_at, last_seen_at, expires_at, auth_time, amr, ip_address,
                      user_agent, browser, os, device)
SELECT gen_random_uuid(), users.id, now() - n * interval '1 minute', now(), now() + interval '90 days',
       now(), 'pwd', '127.0.0.1', 'made', 'made', 'made', 'made'
FROM users, generate_series(1, :sessions) AS n WHERE users.email LIKE 'caller%';
ANALYZE sessions;
"""


class Run:
    """What the measurements share."""

    def __init__(self, options):
        self.options, self.points = options, []

    def gateway(self, name, people=0, **settings):
        """A started gateway with callers, and with so many other people."""
        gateway = Gateway(f"idgate_load_{name}_{os.getpid()}", settings)
        gateway.start()
        gateway.register("first@example.com")
        gateway.sql(CALLERS_SQL, callers=CALLERS)
        if people:
            gateway.sql((ROOT / "benches/load/people.sql").read_text(), people=people)
        gateway.tokens = sign_in(gateway)
        return gateway

    def measure(self, axis, at, operation, load, clients=16):
        """Some rounds of a load, of which the medians count."""
        load.run(clients, 1)
        rounds = [load.run(clients, self.options.seconds) for _ in range(self.options.rounds)]
        middle = {key: statistics.median(found[key] for found in rounds) for key in rounds[0]}
        self.note(axis, at, operation, middle)

    def note(self, axis, at, operation, found):
        self.points.append({"axis": axis, "at": at, "operation": operation, **found})
        shown = "  ".join(f"{key} {value:,.2f}" for key, value in found.items())
        print(f"{axis} {at:,} {operation}: {shown}", file=sys.stderr, flush=True)


def sign_in(gateway):
    """The access tokens of the callers."""
    return [gateway.login(f"caller{n}@example.com") for n in range(1, CALLERS + 1)]


def me(gateway):
    return Load(gateway, [(ME, {}, token) for token in gateway.tokens], "@example.com")


def logins(gateway):
    names = [f"caller{n}@example.com" for n in range(1, CALLERS + 1)]
    return Load(gateway, [(LOGIN, {"e": name, "p": PASSWORD}, None) for name in names], "accessToken")


def entities(gateway, count):
    ids = gateway.sql("SELECT id FROM users ORDER BY pid LIMIT 4000").split()
    batches = [[ids[(start * 61 + n) % len(ids)] for n in range(count)] for start in range(16)]
    requests = [(ENTITIES, {"r": [{"__typename": "User", "id": id} for id in batch]}, token)
                for batch, token in zip(batches, gateway.tokens)]
    return Load(gateway, requests, "firstName")


def by_people(run):
    for count in run.options.people:
        gateway = run.gateway("people", count)
        try:
            gateway.stop()
            ready = gateway.start()
            # Its tokens are those of another address now.
            gateway.tokens = sign_in(gateway)
            run.note("people", count, "start", {"seconds": ready, "megabytes": gateway.memory()})
            run.measure("people", count, "me", me(gateway))
            run.measure("people", count, "login", logins(gateway))
            admin = gateway.tokens[0]
            run.measure("people", count, "users(first: 100)", Load(gateway, [(USERS, {}, admin)], "nodes"))
            name = gateway.sql("SELECT last_name FROM users WHERE country <> '' LIMIT 1")
            run.measure("people", count, "users(search)", Load(gateway, [(SEARCH % name, {}, admin)], "nodes"))
            run.measure("people", count, "_entities × 100", entities(gateway, 100))
            run.note("people", count, "after load", {"megabytes": gateway.memory()})
        finally:
            gateway.close()


def by_clients(run):
    gateway = run.gateway("clients", 10_000)
    try:
        for clients in run.options.clients:
            run.measure("clients", clients, "me", me(gateway), clients)
    finally:
        gateway.close()


def by_representations(run):
    gateway = run.gateway("representations", 10_000)
    try:
        for count in run.options.representations:
            run.measure("representations", count, "_entities", entities(gateway, count))
    finally:
        gateway.close()


def by_sessions(run):
    gateway, there = run.gateway("sessions", 1_000), 1
    try:
        for count in run.options.sessions:
            if count > there:
                gateway.sql(SESSIONS_SQL, sessions=count - there)
                there = count
            run.measure("sessions", count, "me", me(gateway))
            page = [(SESSIONS, {}, token) for token in gateway.tokens]
            run.measure("sessions", count, "me.sessions(first: 20)", Load(gateway, page, "nodes"))
    finally:
        gateway.close()


def by_audit_rows(run):
    gateway, there = run.gateway("audit", 1_000), 0
    try:
        for count in run.options.audit_rows:
            gateway.sql(AUDIT_SQL, rows=count - there)
            there = count
            page = [(EVENTS, {}, token) for token in gateway.tokens]
            run.measure("audit rows", count, "auditEvents(first: 20)", Load(gateway, page, "nodes"))
            run.measure("audit rows", count, "login", logins(gateway))
    finally:
        gateway.close()


def by_listeners(run):
    for count in run.options.listeners:
        gateway = run.gateway("listeners", 1_000,
                              IDGATE_SUBSCRIPTIONS__MAX_CONNECTIONS="1000")
        try:
            run.note("listeners", count, "updateProfile", listeners.measure(gateway, count, run.options.seconds))
        finally:
            gateway.close()


AXES = {"people": by_people, "clients": by_clients, "representations": by_representations,
        "sessions": by_sessions, "audit-rows": by_audit_rows, "listeners": by_listeners}


def table(run):
    """The points as Markdown, one row each."""
    lines = ["| grows | to | operation | per second | p50 ms | p99 ms | gateway µs | Postgres µs |",
             "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |"]
    for point in run.points:
        if "server" not in point:
            other = ", ".join(f"{point[key]:.2f} {unit}" for key, unit in
                              (("seconds", "s"), ("megabytes", "MB")) if key in point)
            lines.append(f"| {point['axis']} | {point['at']:,} | {point['operation']}: {other} | | | | | |")
            continue
        cells = [f"{point[key]:,.0f}" if key in ("rate", "server", "postgres") else f"{point[key]:,.2f}"
                 for key in ("rate", "p50", "p99", "server", "postgres")]
        lines.append(f"| {point['axis']} | {point['at']:,} | {point['operation']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def machine(run):
    model = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    others = [max(point["machine"] - point["own"], 0) for point in run.points if "machine" in point]
    return (f"{os.cpu_count()} × {model[0] if model else platform.machine()}, "
            f"Linux {platform.release()}, {time.strftime('%B %Y')}; medians of {run.options.rounds} "
            f"rounds of {run.options.seconds} s, with the load and all other programs of the machine at "
            f"{statistics.median(others) if others else 0:.0%} of its CPU time.")


def publish(run):
    folder = ROOT / "docs/performance"
    folder.mkdir(exist_ok=True)
    (folder / "growth.svg").write_text(plot.growth(run.points))
    page = ROOT / "docs/performance.md"
    begin, end = "<!-- growth: generated -->\n", "<!-- growth: end -->\n"
    before, rest = page.read_text().split(begin)
    _, after = rest.split(end)
    written = f"![Growth](performance/growth.svg)\n\n{machine(run)}\n\n{table(run)}\n"
    page.write_text(before + begin + written + end + after)


def numbers(text):
    return [int(float(part)) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("axes", nargs="*", help="which; all by default: " + ", ".join(AXES))
    parser.add_argument("--seconds", type=int, default=5, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--people", type=numbers, default=[10_000, 100_000])
    parser.add_argument("--clients", type=numbers, default=[1, 16, 64, 256])
    parser.add_argument("--representations", type=numbers, default=[1, 10, 100, 1_000])
    parser.add_argument("--sessions", type=numbers, default=[1, 10, 100, 1_000])
    parser.add_argument("--audit-rows", type=numbers, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--listeners", type=numbers, default=[0, 10, 100, 1_000])
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md and its plot")
    run = Run(parser.parse_args())
    for axis in run.options.axes or AXES:
        AXES[axis](run)
    print(table(run))
    print(machine(run))
    results = ROOT / "target/load.json"
    results.write_text(json.dumps(run.points, indent=1))
    (ROOT / "target/growth.svg").write_text(plot.growth(run.points))
    if run.options.publish:
        publish(run)


if __name__ == "__main__":
    main()
