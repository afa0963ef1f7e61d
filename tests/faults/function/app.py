"""The function under test: does to itself what it is told, then says what it finds in its tree.

`do` names something that a user's code may do; the variable DO does it in the init phase.
"""

import hashlib
import importlib
import importlib.abc
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import threading

import markupsafe._speedups
import parcel
import yaml

TREE = os.path.dirname(os.path.dirname(parcel.__file__))
HERE = os.getcwd()
COLD = [f"parcel.cold{number}" for number in range(8)]

held = []
"""What one invocation takes and the next one gives back."""

given_back = threading.Event()


def handler(event, context):
    held.clear()
    given_back.set()
    if "do" in event:
        globals()[event["do"]]()
    return hot() if event.get("look") == "hot" else everything()


def hot():
    """Return what needs no cold file."""
    return f"{markupsafe.escape('<b>')} {yaml.safe_load('a: [1, 2]')} {parcel.WORD}"


def everything():
    """Return a digest of all files: a wrong byte, or a wrong name, is another answer."""
    lines = []
    for folder, _, names in os.walk(TREE, onerror=_raise):
        for name in names:
            path = os.path.join(folder, name)
            if not name.startswith("written"):
                with open(path, "rb") as file:
                    digest = hashlib.sha256(file.read()).hexdigest()
                lines.append(f"{os.path.relpath(path, TREE)} {digest}\n")
    return f"{hot()} {hashlib.sha256(''.join(sorted(lines)).encode()).hexdigest()}"


def _raise(error):
    raise error


def _check(is_right, what):
    if not is_right:
        raise AssertionError(what)


# -- what users' code does ------------------------------------------------------------------


def import_in_threads():
    found = []

    def look(name):
        found.append(importlib.import_module(name).VALUE)

    threads = [threading.Thread(target=look, args=(name,)) for name in COLD * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _check(sorted(found) == sorted(list(range(8)) * 3), found)


def _in_child(kind):
    context = multiprocessing.get_context(kind)
    mine, theirs = context.Pipe()
    children = [context.Process(target=_answer, args=(theirs,)) for _ in range(3)]
    for child in children:
        child.start()
    answers = {mine.recv() for _ in children}
    for child in children:
        child.join()
    _check(answers == {everything()}, answers)


def _answer(pipe):
    try:
        pipe.send(everything())
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")


def fork_workers():
    _in_child("fork")


def spawn_workers():
    _in_child("spawn")


def change_folder():
    os.chdir(f"{TREE}/parcel")
    with open("api.h") as file:
        _check(file.read() == "int x;\n", "api.h")
    os.chdir("deep")
    _check(os.listdir() == ["er"], "deep")


def clear_tmp():
    subprocess.run("rm -rf /tmp/*", shell=True, check=True)


def clear_tmp_in_python():
    for name in os.listdir("/tmp"):
        shutil.rmtree(f"/tmp/{name}", ignore_errors=True)


def clear_tree_and_crash():
    for name in os.listdir(TREE):
        shutil.rmtree(f"{TREE}/{name}", ignore_errors=True)
    os._exit(3)


def put_hooks_first():
    class Looks(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            seen.append(name)

    seen = []
    sys.meta_path.insert(0, Looks())
    sys.path_hooks.insert(0, _hooks_nothing)
    sys.path_importer_cache.clear()
    importlib.import_module("parcel.cold3")
    _check("parcel.cold3" in seen, seen)


def _hooks_nothing(path):
    raise ImportError


def reload_modules():
    for module in (parcel, yaml, importlib.import_module("parcel.cold1")):
        importlib.reload(module)


def forget_modules():
    for name in [name for name in sys.modules if name.split(".")[0] in {"parcel", "yaml"}]:
        del sys.modules[name]
    importlib.invalidate_caches()
    globals().update(parcel=importlib.import_module("parcel"), yaml=importlib.import_module("yaml"))


def change_root():
    for change in (lambda: os.chroot(TREE), lambda: os.setuid(0), lambda: os.sethostname("x")):
        try:
            change()
        except (OSError, AttributeError):
            continue


def recurse():
    def sink(depth):
        try:
            sink(depth + 1)
        except RecursionError:
            pass
        try:
            importlib.import_module("parcel.cold5")
            with open(f"{TREE}/parcel/api.h") as file:
                file.read()
        except RecursionError:
            pass

    sink(0)


def write_into_own_package():
    with open(f"{os.path.dirname(parcel.__file__)}/written.txt", "w") as file:
        file.write("mine")
    with open(f"{TREE}/parcel/written.txt") as file:
        _check(file.read() == "mine", "written.txt")


def close_descriptors():
    for number in range(3, 256):
        try:
            if not os.readlink(f"/proc/self/fd/{number}").startswith("socket:"):
                os.close(number)
        except OSError:
            continue


def clear_environment():
    os.environ.clear()


def change_mask():
    os.umask(0o777)


def rotate_credentials():
    os.environ["AWS_ACCESS_KEY_ID"] = "second"


# -- what a sandbox runs out of -------------------------------------------------------------


def take_descriptors():
    while True:
        try:
            held.append(open("/dev/null"))
        except OSError:
            return


def take_threads():
    given_back.clear()
    threading.stack_size(64 * 1024)
    while True:
        try:
            threading.Thread(target=given_back.wait, daemon=True).start()
        except RuntimeError:
            return


def take_memory():
    held.append(b"x" * (400 * 1024 * 1024))


def shorten_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    held.append(_Lengthen())


class _Lengthen:
    def __del__(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def fill_tmp():
    held.append(_Filled(os.path.dirname(TREE)))


class _Filled:
    """A file that takes all space there is, while it is held."""

    def __init__(self, folder):
        self.path = f"{folder}/filler"
        with open(self.path, "wb", buffering=0) as file:
            try:
                while file.write(bytes(64 * 1024)):
                    pass
            except OSError:
                pass

    def __del__(self):
        os.unlink(self.path)


def crash():
    os._exit(3)


if os.environ.get("DO"):
    globals()[os.environ["DO"]]()
