"""``python -m sage100_ssm.standins --dir DIR``: the same as ``sage100-ssm sample --dir DIR``."""

import sys

from sage100_ssm.cli.commands import app

if __name__ == "__main__":
    app(["sample", *sys.argv[1:]], prog_name="sage100-ssm")
