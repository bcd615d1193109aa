"""The arena: layout of the one int32 array in which an engine keeps everything.

A numba call costs a quarter of a microsecond with one array argument and more with each further one, so the network,
stacks, states, transitions and work space lie in one array. The first HEADER cells hold counters, capacities and the
offsets of the sections.

Kernels take these constants in when they are compiled, and numba's cache does not notice when another file changes:
after an edit here delete `__pycache__/*.nbi` (the test suite does so by itself).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Arena = NDArray[np.int32]

DEAD, UNKNOWN, GROW, GROW_WORK = -1, -2, -3, -4
LOW, FREE = -1, -2  # counts that stand for "far below the minimum" and "between the bounds, far from the maximum"
FAR = (1 << 30) - 1

# Symbols: the 256 bytes, then the characters that a JSON string spells by an escape only (RFC 8259, section 7):
# control character c is CONTROL + c.
CONTROL, QUOTE, BACKSLASH, SYMBOLS = 256, 288, 289, 290

# What `return` of a stack frame stands for, besides a node (>= 0) and a counted loop (-1 - r): at most SPECIAL.
SPECIAL = -(1 << 26)
ESCAPE = -(1 << 30)  # an escape sequence has begun; `data` is how far it is (escape_kernels.py)
CELL = -(1 << 29)  # no frame, but a cell of a set or a text: `data` is one member, `parent` the rest
SCOPE = -(1 << 28)  # SCOPE - i: scope i, `data` is the set of the items read (scope_kernels.py)
RECORD = -(1 << 27)  # a text is being recorded: `data` is what has been read of it
TEXTS, DUMMY = 1 << 28, 1 << 29  # members of sets: recorded texts from TEXTS on; something that equals no text
UNTRACKED = -7  # the text of a RECORD that is not looked at
SCOPE_CELLS = 11
# Codes of options besides the named items (>= 0): an item without a name that is not counted, one that is, one whose
# text is recorded and differs from all others, and what stands for "a further item is possible".
ANOTHER, COUNTED, RECORDED, FURTHER = -1, -2, -3, -4

# What a node is to tokens of the longest match, besides 0: BEGIN, whose edges are taken only where no other node can go
# on; VOID, from which nothing goes on, and being able to get there counts as going on.
BEGIN, VOID = 1, 2

# Counters and capacities in the header.
N_STATES, N_ITEMS, N_STACKS, STAMP, N_CLASSES, HORIZON = range(6)
CAP_STATES, CAP_ITEMS, CAP_STACKS, CAP_WORK, STATE_SLOTS, STACK_SLOTS, SEEN_SLOTS = range(6, 13)
# Offsets of the sections. The program (constant):
CLASSES, REPRESENTATIVES, DISTANCE, FINAL, BARE, TEXT, EDGE_PTR, EDGES, EPSILON_PTR, EPSILONS = range(16, 26)
CALL_PTR, CALLS, REPEAT_PTR, REPEATS = range(26, 30)
SCOPED_PTR, SCOPED, OPTION_PTR, OPTIONS, SCOPES, SCOPE_ITEMS, BEFORE, WAYS, LENGTHS, BEGINS = range(30, 40)
# Stack frames, states, their configurations, transitions (grow):
S_RETURN, S_DATA, S_PARENT, S_DISTANCE, S_ALIAS, STACK_TABLE = range(40, 46)
Q_OFFSET, Q_LENGTH, Q_ACCEPTING, Q_DISTANCE, Q_ALIAS, STATE_TABLE = range(46, 52)
I_NODE, I_STACK, TRANSITIONS = range(52, 55)
# Work space: the worklist, the configurations kept, the set of those seen.
W_NODE, W_STACK, K_NODE, K_STACK, SEEN = range(55, 60)
# What a look at a range of characters has found (escape_kernels.py).
X_COVER, X_TARGET, X_MIXED, X_DISTANCE, X_WAYS = range(64, 69)
# A small stack for walks along epsilons.
X_STACK, X_STACK_SIZE = 72, 64
# Addresses of kernels, two cells each (kernel.py).
LINKS, HEADER = 136, 152
TRANSITION, CLOSURE, INTERN, PUSH, LOOK, FOLLOW = range(LINKS, LINKS + 12, 2)
