"""The ground of every command: main, signals, standard streams, the console."""
