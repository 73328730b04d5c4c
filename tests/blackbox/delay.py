"""A satellite: every packet that passes through this network namespace is under way for a while.

Responsible for holding each packet back for a time that the seed decides, in order, each way by itself. Refuses to look
at more of it than where it comes from and goes to. What it is told to lose, the kernel's filter loses.

    ip netns exec NAME python -m tests.blackbox.delay SEED      # says `up`, and runs until it is killed

A journey up and back down takes 300 to 1,000 ms, from the first line on that it reads; before that none at all.
"""

import asyncio
import fcntl
import os
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import Final

LEAST_S, MOST_S = 0.15, 0.5
DEVICE: Final = "delay"
TUNSETIFF: Final = 0x4004_54CA
TUN, WITHOUT_INFO = 0x0001, 0x1000
PACKET_BYTES: Final = 65_536
FROM_TO: Final = slice(12, 20)  # of an IPv4 header


def opened() -> int:
    """A device to which the kernel gives every packet that this namespace forwards, and that gives it back."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", DEVICE.encode(), TUN | WITHOUT_INFO))
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
    for words in (
        f"link set {DEVICE} up",
        f"route add default dev {DEVICE} table 7",
        "rule add iif uplink table 7",
        "rule add iif downlink table 7",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    return tun


async def delay(tun: int, chance: random.Random) -> None:
    """Hold packets back until this process ends."""
    loop = asyncio.get_running_loop()
    far = loop.run_in_executor(None, sys.stdin.readline)
    free_s: dict[bytes, float] = {}  # when the packet before it is through

    def came() -> None:
        packet = os.read(tun, PACKET_BYTES)
        way = packet[FROM_TO]
        under_way_s = chance.uniform(LEAST_S, MOST_S) if far.done() else 0.0
        due_s = max(free_s.get(way, 0.0), loop.time() + under_way_s)
        free_s[way] = due_s
        loop.call_at(due_s, os.write, tun, packet)

    loop.add_reader(tun, came)
    sys.stdout.write("up\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(delay(opened(), random.Random(sys.argv[1])))
