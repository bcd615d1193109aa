"""`python -m bytebound.integrations`: the same as the command `bytebound`."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
