from adr_export.cli import main

main()
