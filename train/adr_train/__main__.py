from adr_train.cli import main

main()
