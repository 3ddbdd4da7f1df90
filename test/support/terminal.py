"""Runs a command in a pseudo-terminal: what comes on standard input is typed, what the terminal shows is printed."""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

ROWS, COLUMNS = int(os.environ.get("LINES", 50)), int(os.environ.get("COLUMNS", 120))

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

sources = [terminal, 0]
while terminal in sources:
    for source in select.select(sources, [], [])[0]:
        try:
            data = os.read(source, 65536)
        except OSError:
            data = b""  # Linux has an error for the end of a terminal.
        if not data:
            sources.remove(source)
        elif source == terminal:
            os.write(1, data)
        else:
            os.write(terminal, data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
