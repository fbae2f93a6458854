"""Timing of whole commands, for the benchmarks beside this file."""

import os
import statistics
import sys
import time


class Timing:
    """Wall and CPU milliseconds of one command, over several runs."""

    def __init__(self):
        self.wall, self.user, self.system = [], [], []

    def add(self, argv):
        begun = time.perf_counter()
        null = os.open(os.devnull, os.O_RDWR)
        pid = os.posix_spawn(
            argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1)]
        )
        os.close(null)
        _, status, usage = os.wait4(pid, 0)
        self.wall.append((time.perf_counter() - begun) * 1000)
        self.user.append(usage.ru_utime * 1000)
        self.system.append(usage.ru_stime * 1000)
        if status != 0:
            sys.exit(f"{' '.join(argv)} ended with status {status}")

    def median(self):
        return statistics.median(self.wall)


def show(name, timing, yardsticks):
    ratios = "  ".join(f"{timing.median() / other.median():5.2f} x {label}" for label, other in yardsticks)
    print(
        f"{name:<34} {timing.median():8.2f} ms wall  {statistics.median(timing.user):7.2f} user"
        f"  {statistics.median(timing.system):7.2f} sys   {ratios}"
    )
