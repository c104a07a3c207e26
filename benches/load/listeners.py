"""Listeners to audit events, by WebSocket, and what an event costs with so many of them."""

import asyncio
import base64
import json
import os
import statistics
import time

from gateway import cpu_below, headers

SUBSCRIPTION = "subscription { auditEvents { id action createdAt } }"
CHANGE = 'mutation { updateProfile(input: { city: "%s" }) { __typename } }'
#: Events in a second.
RATE = 20


def frame(message):
    """A masked text frame. The mask is zero, which is one like any other."""
    text = json.dumps(message).encode()
    length = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0xFE]) + len(text).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + text


class Listener:
    """One connection. What it receives is counted and not read any further."""

    def __init__(self):
        self.received, self.last, self.is_closed, self.tail = 0, 0.0, False, b""

    async def open(self, port, token):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        key = base64.b64encode(os.urandom(16)).decode()
        self.writer.write((
            f"GET /graphql/ws HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nupgrade: websocket\r\n"
            f"connection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n"
            "sec-websocket-protocol: graphql-transport-ws\r\n\r\n").encode())
        await self.until(b"\r\n\r\n")
        authorization = {"authorization": f"Bearer {token}"}
        self.writer.write(frame({"type": "connection_init", "payload": authorization}))
        await self.until(b"connection_ack")
        self.writer.write(frame({"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIPTION}}))

    async def until(self, text):
        got = b""
        while text not in got:
            more = await asyncio.wait_for(self.reader.read(4096), 30)
            if not more:
                raise RuntimeError(f"closed after {got!r}")
            got += more

    async def listen(self):
        mark = b'"next"'
        while more := await self.reader.read(65536):
            text = self.tail + more
            self.received += text.count(mark)
            self.tail = text[-(len(mark) - 1):]
            self.last = time.monotonic()
        self.is_closed = True


async def change(port, token, city):
    """A mutation that is recorded."""
    body = json.dumps({"query": CHANGE % city}).encode()
    fields = {**headers(token), "host": f"127.0.0.1:{port}", "content-length": str(len(body)),
              "connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    if b"ProfileUpdated" not in answer:
        raise RuntimeError(answer.decode())


async def measured(gateway, count, seconds):
    listening = [Listener() for _ in range(count)]
    for start in range(0, count, 50):
        await asyncio.gather(*(
            listener.open(gateway.port, gateway.tokens[(start + n) % len(gateway.tokens)])
            for n, listener in enumerate(listening[start:start + 50])))
    tasks = [asyncio.create_task(listener.listen()) for listener in listening]
    await asyncio.sleep(1)
    events = RATE * seconds
    server, postgres, begun = cpu_below(gateway.pid), cpu_below(gateway.postgres), time.monotonic()
    latencies, changes = [], []
    for number in range(events):
        await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))

        async def timed():
            asked = time.monotonic()
            await change(gateway.port, gateway.tokens[0], f"London {number}")
            latencies.append((time.monotonic() - asked) * 1e3)
        changes.append(asyncio.create_task(timed()))
    await asyncio.gather(*changes)
    sent = time.monotonic()
    while time.monotonic() - sent < 30 and any(
            listener.received < events and not listener.is_closed for listener in listening):
        await asyncio.sleep(0.05)
    spent = cpu_below(gateway.pid) - server, cpu_below(gateway.postgres) - postgres
    for task in tasks:
        task.cancel()
    latencies.sort()
    return {
        "rate": events / (sent - begun),
        "p50": statistics.median(latencies),
        "p99": latencies[len(latencies) * 99 // 100],
        "server": spent[0] / events * 1e6,
        "postgres": spent[1] / events * 1e6,
        "received": sum(listener.received for listener in listening),
        "expected": events * count,
        "closed": sum(listener.is_closed for listener in listening),
        "behind": max((listener.last - sent for listener in listening), default=0.0),
    }


def measure(gateway, count, seconds):
    """What an event costs, and how many of them came."""
    return asyncio.run(measured(gateway, count, seconds))
