"""Files on this machine: write one so that it is whole or absent, read one within bounds of size and time.

Every file that scanready writes goes through :class:`~scanready.files.atomic_file.AtomicFile`, every file that it reads
through :mod:`~scanready.files.reading`. Only the run store is SQLite's own business; its place is checked here, too.
"""
