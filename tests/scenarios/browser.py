"""A headless Chromium, spoken to by its own protocol over two pipes: no driver, no port, no other package."""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome", "chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--remote-debugging-pipe")


def program():
    """Its path, or None where there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Browser:
    """One page. Everything that the browser says of it is kept in `events`."""

    def __init__(self, dark=False, javascript=True, width=1280, height=900):
        self.profile = tempfile.mkdtemp(prefix="vf-browser-")
        to_read, self.write = os.pipe()
        self.read, to_write = os.pipe()

        # Out of the way first: either may be the number that the other is to become.
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_read, to_write)]
        # A shell puts them where the browser wants them, not a function after a fork, which a library with threads in this process may not live through.
        self.process = subprocess.Popen(["bash", "-c", f'exec "$0" "$@" 3<&{ends[0]} 4>&{ends[1]}', program(), *FLAGS, f"--user-data-dir={self.profile}",
                                         f"--window-size={width},{height}", "about:blank"],
                                        pass_fds=ends, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in (to_read, to_write, *ends):
            os.close(fd)
        self.buffer, self.number, self.events, self.answers, self.session = b"", 0, [], {}, None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        if not javascript:
            self.call("Emulation.setScriptExecutionDisabled", value=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close", of_page=False)
            self.process.wait(10)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.write), os.close(self.read)
        shutil.rmtree(self.profile, ignore_errors=True)

    def receive(self, seconds):
        """Takes in what comes within that time; False where nothing does."""
        if not select.select([self.read], [], [], seconds)[0]:
            return False
        chunk = os.read(self.read, 1 << 20)
        assert chunk, "the browser is gone"
        self.buffer += chunk
        *messages, self.buffer = self.buffer.split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self.answers[message["id"]] = message
            else:
                self.events.append(message)
        return True

    def call(self, method, of_page=True, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session and of_page:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 60
        while self.number not in self.answers:
            assert time.monotonic() < end, f"no answer to {method}"
            self.receive(1)
        answer = self.answers.pop(self.number)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def open(self, path):
        self.call("Page.navigate", url=path.resolve().as_uri())
        end = time.monotonic() + 60
        while not self.named("Page.loadEventFired"):
            assert time.monotonic() < end, "the page does not load"
            self.receive(1)
        while self.receive(0.3):
            pass

    def named(self, method):
        return [e["params"] for e in self.events if e["method"] == method]

    def value(self, expression):
        """What a JavaScript expression is in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def complaints(self):
        """What the browser found wrong: errors of scripts, of the policy, of the console."""
        said = [p["exceptionDetails"]["text"] for p in self.named("Runtime.exceptionThrown")]
        said += [str(p["args"]) for p in self.named("Runtime.consoleAPICalled") if p["type"] in ("error", "warning", "assert")]
        return said + [p["entry"]["text"] for p in self.named("Log.entryAdded") if p["entry"]["level"] in ("error", "warning")]

    def requests(self):
        """Addresses that were asked for, the page itself left out."""
        return [p["request"]["url"] for p in self.named("Network.requestWillBeSent")][1:]

    def screenshot(self, path, whole=True):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12000), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", **({"clip": clip, "captureBeyondViewport": True} if whole else {}))
        path.write_bytes(base64.b64decode(shot["data"]))
