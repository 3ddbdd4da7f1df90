"""Runs a command in a pseudo-terminal and answers what it asks.

Standard input: {"argv": [...], "cwd": "...", "env": {...}, "steps": [[pattern, keys], ...], "timeout": seconds}.
Standard output: {"code": exit code or null, "text": what was shown, without control sequences, "missed": pattern or null}.
"""
import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time

CONTROL = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\r")
# A prompt is drawn before it listens.
PAUSE = 0.4


def main():
    job = json.load(sys.stdin)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(job["cwd"])
        os.execvpe(job["argv"][0], job["argv"], job["env"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
    steps = [(re.compile(pattern), keys) for pattern, keys in job["steps"]]
    end = time.monotonic() + job["timeout"]
    raw, seen, ended = b"", 0, False
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 0.5)
        if ready:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                part = b""
            if not part:
                ended = True
                break
            raw += part
            continue
        # Nothing more is being drawn.
        text = CONTROL.sub("", raw.decode("utf-8", "replace"))
        if steps and (found := steps[0][0].search(text, seen)):
            seen = len(text)
            time.sleep(PAUSE)
            for key in re.findall(r"\x1b\[[A-D]|.", steps[0][1], re.S):
                os.write(terminal, key.encode())
                time.sleep(0.05)
            steps.pop(0)
    code = None
    if ended:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    else:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    text = CONTROL.sub("", raw.decode("utf-8", "replace"))
    json.dump({"code": code, "text": text, "missed": steps[0][0].pattern if steps else None}, sys.stdout)


main()
