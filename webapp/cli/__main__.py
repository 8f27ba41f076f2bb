"""``python -m webapp.cli`` is the console command, too."""

from webapp.cli.main import main

main()
