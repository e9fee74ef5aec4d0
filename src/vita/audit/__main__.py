"""`python -m vita.audit`, as the installed command `vita audit`."""

from vita.audit.command import main
from vita.runtime import cli

cli.run(main)
