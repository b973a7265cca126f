"""Looks for what `leave.py` left, everywhere that a process can look, and prints a line for each find.

argv: the two halves of the mark, so that this process is none of the finds, and the time before which nothing was left.
A file's change time cannot be set back, so a file that changed before then holds nothing.
"""

import os
import sys

mark, begun = sys.argv[1] + sys.argv[2], float(sys.argv[3])
KEY, TCP, UDP = 0x4A574D4B, 45678, 45679


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def look():
    for directory, below, names in os.walk("/"):
        if directory == "/":
            below[:] = [name for name in below if name not in ("proc", "sys")]
        for name in names + below:
            path = os.path.join(directory, name)
            if mark in name:
                yield "name " + path
            try:
                status = os.lstat(path)
            except OSError:
                continue
            if status.st_ctime >= begun and os.path.isfile(path) and mark.encode() in read(path):
                yield "content " + path
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for what in ("cmdline", "environ"):
            if mark.encode() in read("/proc/%s/%s" % (pid, what)):
                yield "%s of %s" % (what, pid)
    for table, port in (("tcp", TCP), ("tcp6", TCP), ("udp", UDP), ("udp6", UDP)):
        if b":%04X " % port in read("/proc/net/" + table):
            yield "port of " + table
    if mark.encode() in read("/proc/net/unix"):
        yield "socket by name"
    for line in read("/proc/sysvipc/shm").splitlines()[1:]:
        if int(line.split()[0]) == KEY:
            yield "shared memory"


for found in look():
    print(found)
