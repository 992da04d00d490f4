from adr_runtime.cli import main

main()
