# Watches a directory through inotify: an empty record once it is armed, then `type path NUL` for each change.
import ctypes, os, struct, sys
root, deep = sys.argv[1], sys.argv[2] == "1"
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(os.O_CLOEXEC)
if fd < 0: sys.exit(71)
MASK = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400
names = {}
def say(kind, path):
    sys.stdout.buffer.write(kind + b" " + os.fsencode(path) + bytes(1))
def add(path, new):
    mark = libc.inotify_add_watch(fd, os.fsencode(path), ctypes.c_uint32(MASK))
    if mark < 0: return
    names[mark] = path
    if not deep or not os.path.isdir(path): return
    try: found = list(os.scandir(path))
    except OSError: return
    for entry in found:
        if new: say(b"create", entry.path)
        if entry.is_dir(follow_symlinks=False): add(entry.path, new)
if not os.path.lexists(root): sys.exit(65)
add(root, False)
if not names: sys.exit(72)
sys.stdout.buffer.write(bytes(1)); sys.stdout.buffer.flush()
while names:
    data, at = os.read(fd, 65536), 0
    while at < len(data):
        mark, mask, _, size = struct.unpack_from("iIII", data, at)
        name = os.fsdecode(data[at + 16:at + 16 + size].rstrip(bytes(1))); at += 16 + size
        if mask & 0x4000: say(b"overflow", root); continue
        if mask & 0x8000: names.pop(mark, None); continue
        base = names.get(mark)
        if base is None: continue
        path = os.path.join(base, name) if name else base
        if mask & (0x100 | 0x80):
            say(b"create", path)
            if deep and mask & 0x40000000: add(path, True)
        elif mask & (0x200 | 0x40): say(b"remove", path)
        elif mask & 0x400: say(b"remove", path)
        elif mask & (0x2 | 0x8) or (mask & 0x4 and name): say(b"modify", path)
    sys.stdout.buffer.flush()
