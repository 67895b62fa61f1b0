"""glibc's malloc as far as it decides page faults: best fit, top of the heap, mmap, trimming.

Rules of `malloc/malloc.c` of glibc 2.36 with its defaults, for one thread and blocks of at least 1 KiB. No networks
here. Start at `Heap`; `costmodel.latency.page_faults` runs a network's allocations on it.
"""

from __future__ import annotations

PAGE = 4096
ALIGNMENT = 64  # of PyTorch's CPU allocations (c10/core/alignment.h), by posix_memalign
HEADER = 64  # bytes that a block of a multiple of 64 bytes occupies beside its data
SEARCHED = 112  # bytes beside the data that a free chunk must have: alignment, smallest chunk and header
TOP_PAD = 128 << 10
MMAP_THRESHOLD = 963_000  # 128 KiB, raised to this by what importing torch 2.13 maps and frees
MAX_MMAP_THRESHOLD = 32 << 20
CONSOLIDATION = 64 << 10  # a freed chunk of this size or more may trim the top


class Heap:
    """One heap that grows and shrinks at its top. Blocks are named by the numbers that `allocate` returns."""

    def __init__(self) -> None:
        self.faults = 0
        self.mmap_threshold, self.trim_threshold = MMAP_THRESHOLD, 2 * MMAP_THRESHOLD
        self.end = TOP_PAD  # of the memory that the heap has from the system
        self._top = 0  # start of the free memory at the end
        self._resident = bytearray(self.end // PAGE)  # 1 for a page of the heap that has been touched
        self._free: dict[int, int] = {}  # start → end of free chunks below the top
        self._free_ends: dict[int, int] = {}  # end → start of the same
        self._blocks: dict[int, tuple[int, int]] = {}  # start, end; a mapped block has start −1 and its size as end
        self._next = 0

    def state(self) -> tuple[object, ...]:
        """Equal states behave alike from here on, for callers that hold no blocks or the same ones."""
        return self.mmap_threshold, self.end, self._top, bytes(self._resident), frozenset(self._free.items())

    def allocate(self, size: int) -> int:
        """Allocate and write a block of `size` bytes."""
        needed = size + SEARCHED
        best, best_size = -1, 1 << 62
        for start, end in self._free.items():
            if needed <= end - start < best_size:
                best, best_size = start, end - start
        taken = size + HEADER + -size % 16
        self._next += 1
        if best >= 0:
            end = self._free.pop(best)
            del self._free_ends[end]
            if end - best - taken >= 32:
                self._free[best + taken] = end
                self._free_ends[end] = best + taken
            else:
                taken = end - best
            start = best
        elif self.end - self._top < needed + 32 and needed >= self.mmap_threshold:
            pages = -(-(needed + 16) // PAGE)
            self.faults += -(-(size + HEADER) // PAGE)
            self._blocks[self._next] = (-1, pages * PAGE)
            return self._next
        else:
            if self.end - self._top < needed + 32:
                grown = -(-(needed + TOP_PAD + 32 - (self.end - self._top)) // PAGE) * PAGE
                self.end += grown
                self._resident.extend(bytes(grown // PAGE))
            start = self._top
            self._top += taken
        self._touch(start, start + taken)
        self._blocks[self._next] = (start, start + taken)
        return self._next

    def free(self, block: int) -> None:
        """Free a block; memory at the top goes back to the system above the trim threshold."""
        start, end = self._blocks.pop(block)
        if start < 0:
            if self.mmap_threshold < end <= MAX_MMAP_THRESHOLD:
                self.mmap_threshold, self.trim_threshold = end, 2 * end
            return
        if start in self._free_ends:
            before = self._free_ends.pop(start)
            del self._free[before]
            start = before
        if end in self._free:
            after = self._free.pop(end)
            del self._free_ends[after]
            end = after
        merged = end - start
        if end == self._top:
            self._top = start
            merged = self.end - start
            if merged >= CONSOLIDATION and merged >= self.trim_threshold:
                self._trim()
        else:
            self._free[start] = end
            self._free_ends[end] = start

    def _trim(self) -> None:
        released = (self.end - self._top - 33 - TOP_PAD) // PAGE * PAGE
        if released > 0:
            self.end -= released
            del self._resident[self.end // PAGE :]

    def _touch(self, start: int, end: int) -> None:
        first, last = start // PAGE, -(-end // PAGE)
        touched = last - first - self._resident.count(1, first, last)
        if touched:
            self.faults += touched
            self._resident[first:last] = b"\1" * (last - first)
