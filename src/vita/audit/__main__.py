"""`python -m vita.audit`, as the installed command `vita audit`."""

from vita import cli
from vita.audit.command import main

cli.run(main)
