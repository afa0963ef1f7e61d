"""Lines as strace 6.1 writes them, and what they say was touched."""

import pytest

from hotpack.trace.calls import Call, read_calls


def read(text: str, folder: str = "/var/task") -> list[Call]:
    return list(read_calls(text.strip("\n").splitlines(keepends=True), folder))


@pytest.mark.parametrize(
    ("line", "call"),
    [
        (
            '7 openat(AT_FDCWD</tmp>, "/t/a.py", O_RDONLY|O_CLOEXEC) = 4</t/a.py>',
            Call("opened", "/t/a.py"),
        ),
        ('7 open("/t/a", O_RDONLY) = 3</t/a>', Call("opened", "/t/a")),
        ('7 open("/tmp/link.so", O_RDONLY) = 3</t/a.so>', Call("opened", "/t/a.so")),
        ('7 openat2(3</t>, "a", 0x7ffd, 24) = 4</t/a>', Call("opened", "/t/a")),
        ('7 newfstatat(AT_FDCWD</tmp>, "/t/a", 0x7ffd, 0) = 0', Call("statted", "/t/a")),
        ('7 statx(5</t>, "b/../a", AT_STATX_SYNC_AS_STAT, STATX_ALL, 0x7) = 0',
         Call("statted", "/t/a")),
        ('7 access("/t/a", R_OK)             = 0', Call("accessed", "/t/a")),
        ('7 faccessat2(AT_FDCWD</t>, "a", X_OK, AT_EACCESS) = 0', Call("accessed", "/t/a")),
        ('7 readlink("/t/a", 0x7ffd, 1023) = -1 EINVAL (Invalid argument)',
         Call("statted", "/t/a", "EINVAL")),
        ('7 execve("/t/bin/a", 0x7f79, 0x7ffd) = 0', Call("executed", "/t/bin/a")),
        ("7 getdents64(4</t/dir>, 0x55e1, 32768) = 296", Call("listed", "/t/dir")),
        ("7 mmap(0x7f0, 655, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED, 4</t/a.so>, 0x60) = 0x7f",
         Call("mapped", "/t/a.so")),
        ('7 access("a", F_OK) = -1 ENOENT (No such file or directory)',
         Call("accessed", "/var/task/a", "ENOENT")),
        ('7 statfs("/t/a", 0x7ffd) = 0', Call("statted", "/t/a")),
    ],
)  # fmt: skip
def test_a_call_and_what_it_touched(line: str, call: Call) -> None:
    """Each way to touch a path is told from its call, relative paths from the open folder."""
    assert read(line) == [call]


@pytest.mark.parametrize(
    "line",
    [
        '7 newfstatat(4</t/a>, "", 0x7ffd, AT_EMPTY_PATH) = 0',
        '7 openat(AT_FDCWD</t>, "/t/d", O_RDONLY|O_DIRECTORY|O_CLOEXEC) = 4</t/d>',
        "7 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f79",
        "7 mmap(NULL, 46696, PROT_READ, MAP_PRIVATE|MAP_DENYWRITE, 4</t/a.so>, 0) = 0x7f79",
        "7 getdents64(4, 0x55e1, 32768) = -1 ENOTDIR (Not a directory)",
        "7 exit_group(0) = ?",
        "7 +++ exited with 0 +++",
        "7 --- SIGCHLD {si_signo=SIGCHLD} ---",
        "strace: Process 8 attached",
        '7 openat(AT_FDCWD</t>, "/t/a',
        "",
    ],
)
def test_what_touches_nothing(line: str) -> None:
    """Calls of what is open already, anonymous memory, talk and cut-off lines are passed over."""
    assert read(line) == []


def test_a_call_that_others_interrupt() -> None:
    """Its two halves are found by the thread, however many are under way; it counts at its end."""
    calls = read("""
7 openat(AT_FDCWD</t>, "a", O_RDONLY <unfinished ...>
8 newfstatat(AT_FDCWD</t>, "b",  <unfinished ...>
7 <... openat resumed>)                 = 3</t/a>
9 access("/t/c", F_OK)                  = 0
8 <... newfstatat resumed>0x7f79d9265950, 0) = 0
""")
    assert [call.path for call in calls] == ["/t/a", "/t/c", "/t/b"]
    assert calls[0] == Call("opened", "/t/a")


def test_escapes_and_names_that_look_like_syntax() -> None:
    """Octal bytes, quotes, angle brackets, and a name that looks like a result are read whole."""
    [opened, stat, looks] = read(r"""
7 openat(AT_FDCWD</t>, "/t/h\303\251\"<x>\n.txt", O_RDONLY) = 3</t/h\303\251\"\74x\76\n.txt>
7 newfstatat(AT_FDCWD</t/a\76b>, "c", 0x7ffd, 0) = 0
7 openat(AT_FDCWD</t>, "/t/a) = 3, \"b", O_RDONLY) = 3</t/a) = 3, \"b>
""")
    assert opened.path == '/t/hé"<x>\n.txt'
    assert stat.path == "/t/a>b/c"
    assert looks == Call("opened", '/t/a) = 3, "b')


def test_bytes_that_are_no_utf8() -> None:
    """They come back as Python has such names."""
    [call] = read(r'7 access("/t/\377", F_OK) = 0')
    assert call.path == "/t/\udcff"


def test_relative_paths_follow_the_threads_folder() -> None:
    """chdir, and every call that says which folder it is relative to, move what comes after."""
    calls = read("""
7 access("a", F_OK) = 0
7 chdir("/t") = 0
7 access("b", F_OK) = 0
8 newfstatat(AT_FDCWD</u>, "c", 0x7ffd, 0) = 0
8 access("d", F_OK) = 0
7 access("e", F_OK) = 0
7 chdir("/missing") = -1 ENOENT (No such file or directory)
7 access("f", F_OK) = 0
""")
    paths = [call.path for call in calls if call.way == "accessed"]
    assert paths == ["/var/task/a", "/t/b", "/u/d", "/t/e", "/t/f"]
