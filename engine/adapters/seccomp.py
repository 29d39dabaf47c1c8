"""The system calls a sandboxed command may not make, as a classic BPF program for bubblewrap."""

import platform
import struct
from collections.abc import Sequence

from engine.errors import SandboxUnavailable

_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENT_0, _ARGUMENT_1, _ARGUMENT_1_HIGH = 0, 4, 16, 24, 28
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSPC, _ENOSYS, _EAFNOSUPPORT = 1, 28, 38, 97

_AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_ALL_CLONE_NEW = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}
_TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_ADDRESS_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (getifaddrs)

# Numbers on x86_64 and aarch64, from the kernel's tables.
_DENIED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "syslog": (103, 116),
}
# As if an older kernel did not have them: memory that no limit counts, and calls whose flags no filter sees.
_ABSENT = {"clone3": (435, 435), "memfd_create": (319, 279), "memfd_secret": (447, 447)}
_CLONE, _SOCKET, _IOCTL, _SHMGET = (56, 220), (41, 198), (16, 29), (29, 194)
_LARGEST_SEGMENT = (
    1 << 16
)  # of System V's shared memory: databases need a few bytes, 4096 segments are allowed

_Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def seccomp_program(families: Sequence[int] = _ADDRESS_FAMILIES) -> bytes:
    """The filter for this machine's architecture.

    Args:
        families: The address families that sockets may have.

    Denied calls fail with EPERM, other address families with EAFNOSUPPORT, clone3 with ENOSYS (the
    C library then uses clone, whose flags a filter can see), as do files in memory without a name, and
    larger segments of shared memory with ENOSPC.

    Raises:
        SandboxUnavailable: the architecture's call numbers are not known here.
    """
    machine = platform.machine()
    if machine not in _AUDIT_ARCHITECTURES:
        raise SandboxUnavailable(
            f"The sandbox has no system call filter for {machine} processors: use x86_64 or aarch64."
        )
    column = 0 if machine == "x86_64" else 1
    program = _architecture_guard(machine)
    for numbers in _DENIED.values():
        program += _deny(numbers[column], _EPERM)
    for numbers in _ABSENT.values():
        program += _deny(numbers[column], _ENOSYS)
    program += _deny_more_than(_SHMGET[column], _LARGEST_SEGMENT)
    program += _deny_new_namespaces(_CLONE[column])
    program += _allow_only(_SOCKET[column], families)
    program += _deny_values(_IOCTL[column], _TERMINAL_INJECTION)
    program.append(_return(_ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _return(action: int) -> _Instruction:
    return (_RETURN, 0, 0, action)


def _load(offset: int) -> _Instruction:
    return (_LOAD, 0, 0, offset)


def _architecture_guard(machine: str) -> list[_Instruction]:
    """Foreign and x32 calls use other numbers: they would pass every rule below."""
    guard = [
        _load(_ARCHITECTURE),
        (_JUMP_EQ, 1, 0, _AUDIT_ARCHITECTURES[machine]),
        _return(_KILL),
        _load(_NUMBER),
    ]
    if machine == "x86_64":
        guard += [(_JUMP_GE, 0, 1, _X32_BIT), _return(_KILL)]
    return guard


def _deny(number: int, errno: int) -> list[_Instruction]:
    return [(_JUMP_EQ, 0, 1, number), _return(_ERRNO | errno)]


def _when(number: int, body: list[_Instruction]) -> list[_Instruction]:
    """Run `body` for this call only, then go on with the call number loaded again."""
    return [(_JUMP_EQ, 0, len(body) + 1, number), *body, _load(_NUMBER)]


def _deny_new_namespaces(clone: int) -> list[_Instruction]:
    return _when(clone, [_load(_ARGUMENT_0), (_JUMP_ANY_BIT, 0, 1, _ALL_CLONE_NEW), _return(_ERRNO | _EPERM)])


def _deny_more_than(call: int, most: int) -> list[_Instruction]:
    too_much = _return(_ERRNO | _ENOSPC)
    return _when(
        call,
        [
            _load(_ARGUMENT_1_HIGH),
            (_JUMP_EQ, 1, 0, 0),
            too_much,
            _load(_ARGUMENT_1),
            (_JUMP_GE, 0, 1, most + 1),
            too_much,
        ],
    )


def _allow_only(socket: int, families: Sequence[int]) -> list[_Instruction]:
    tests: list[_Instruction] = [
        (_JUMP_EQ, len(families) - index, 0, family) for index, family in enumerate(families)
    ]
    return _when(socket, [_load(_ARGUMENT_0), *tests, _return(_ERRNO | _EAFNOSUPPORT)])


def _deny_values(call: int, values: tuple[int, ...]) -> list[_Instruction]:
    tests: list[_Instruction] = []
    for value in values:
        tests += _deny(value, _EPERM)
    return _when(call, [_load(_ARGUMENT_1), *tests])
