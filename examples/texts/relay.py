"""Shows the text messages of a development gateway in the inbox of its mail catcher.

A receiver of idgate's SMS webhooks (`sms.kind = "webhook"`): it checks each signature as Standard
Webhooks describes, and mails the text to `NUMBER@sms.localhost`. compose.yaml runs it. Python 3.9
or newer, no packages. A program that sends real text messages would begin like this one.

    WEBHOOK_SECRET=whsec_… SMTP=mail:1025 LISTEN=0.0.0.0:8090 python3 relay.py
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import smtplib
import sys
import time
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
SMTP_HOST, _, SMTP_PORT = os.environ.get("SMTP", "127.0.0.1:1025").rpartition(":")
HOST, _, PORT = os.environ.get("LISTEN", "127.0.0.1:8090").rpartition(":")
MAX_BODY_BYTES = 64 * 1024
# Seconds that a message may be old: a copy that is sent later is refused.
TOLERANCE = 300


def is_signed(headers, body):
    """Whether the gateway wrote this, and lately."""
    identifier, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent_at.isascii() or not sent_at.isdigit() or abs(time.time() - int(sent_at)) > TOLERANCE:
        return False
    signed = f"{identifier}.{sent_at}.".encode() + body
    expected = hmac.new(KEY, signed, hashlib.sha256).digest()
    for signature in headers.get("webhook-signature", "").split():
        version, _, encoded = signature.partition(",")
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
        if version == "v1" and hmac.compare_digest(given, expected):
            return True
    return False


def as_mail(event):
    data = event["data"]
    mail = EmailMessage()
    mail["From"] = "Text message <sms@idgate.localhost>"
    mail["To"] = f"{data['to']}@sms.localhost"
    mail["Subject"] = f"Text message to {data['to']}"
    # The gateway may send a message again whose answer was lost: the inbox shows the same identifier.
    mail["Message-ID"] = f"<{data['id']}@sms.localhost>"
    mail.set_content(data["text"])
    return mail


class Receiver(BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self):
        self.answer(200 if self.path == "/health" else 404)

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return self.answer(413)
        body = self.rfile.read(int(length))
        if not is_signed(self.headers, body):
            return self.answer(401)
        try:
            mail = as_mail(json.loads(body))
        except (KeyError, TypeError, ValueError):
            return self.answer(400)
        try:
            with smtplib.SMTP(SMTP_HOST, int(SMTP_PORT), timeout=5) as server:
                server.send_message(mail)
        except (OSError, smtplib.SMTPException) as error:
            print(f"the mail catcher does not take it: {error}", file=sys.stderr)
            # The gateway keeps the message and tries again.
            return self.answer(503)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Requests are not logged."""


if __name__ == "__main__":
    print(f"text messages to http://{HOST}:{PORT} are mailed to {SMTP_HOST}:{SMTP_PORT}", flush=True)
    ThreadingHTTPServer((HOST, int(PORT)), Receiver).serve_forever()
