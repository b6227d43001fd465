"""Write a new file, and never overwrite one."""

from __future__ import annotations

import os

import click

from .messages import fitting


def write_new(file: str, text: str) -> None:
    """Write a new file, with the permissions of an ordinary one.

    Raises:
        click.UsageError: it exists, or cannot be written.
    """
    from scanready.files.atomic_file import AtomicFile, ordinary_mode

    problem = None
    try:
        with AtomicFile(file, mode=ordinary_mode(), exclusive=True) as stream:
            stream.write(text.encode())
            stream.commit()
    except FileExistsError:
        problem = f"{fitting(file)} exists already: name another file, or remove it first"
    except OSError as error:
        problem = f"{fitting(file)} cannot be written: {error.strerror or os.strerror(error.errno or 0)}"
    if problem:
        raise click.UsageError(problem)
